/**
 * One undici client around one socket: it speaks HTTP/1.1 and does nothing else. It never connects by itself, never queues,
 * and keeps no time: all of that is the pool's.
 */
import { Connector } from "@watertight/pool"
import * as Effect from "effect/Effect"
import type { EventEmitter } from "node:events"
import type * as Net from "node:net"
import { Client, type Dispatcher } from "undici"
import { ConnectFailed } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { Receiver, Wire, WireRequest } from "./connection.ts"
import type { HttpSettings } from "./settings.ts"

const longest = 2 ** 31 - 1

/** `servername` is an option of undici's requests that its types forget. */
interface DispatchOptions extends Dispatcher.DispatchOptions {
  readonly servername: string
}

export class UndiciWire implements Wire {
  readonly settings: HttpSettings
  readonly host: string
  readonly remoteAddress: string
  usedAt: number
  private readonly socket: Net.Socket
  private readonly report: (signal: Connector.Signal) => void
  private readonly now: () => number
  private readonly client: Client
  private readonly servername: string
  private receiver: Receiver | undefined = undefined
  broken: Error | undefined = undefined
  /** in undici's words: why the connection ended */
  private reason: Error | undefined = undefined
  private told = false
  /** the end of life that the pool knows of */
  private expiresAt = Infinity

  constructor(
    socket: Net.Socket,
    origin: Origin,
    address: string,
    settings: HttpSettings,
    report: (signal: Connector.Signal) => void,
    now: () => number
  ) {
    this.socket = socket
    this.settings = settings
    this.host = origin.label
    this.remoteAddress = address
    this.report = report
    this.now = now
    this.usedAt = now()
    this.servername = origin.host
    let given = false
    this.client = new Client(origin.url, {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      // There is no "off" for this one. The threshold is taken off whatever the server announces, so the sum is always the longest.
      keepAliveTimeout: longest,
      keepAliveMaxTimeout: longest,
      keepAliveTimeoutThreshold: -longest,
      maxHeaderSize: settings.maxHeaderSize,
      connect: (_, done) => {
        // In a later microtask: called at once, it would re-enter undici's loop and lose the socket.
        if (given) queueMicrotask(() => done(new Error("the connection is closed"), null))
        else queueMicrotask(() => done(null, socket))
        given = true
      }
    })
  }

  /** Gives the socket to the client before the first request, so that whatever the peer sends unasked is noticed. */
  get attached(): Effect.Effect<this, ConnectFailed> {
    return Effect.async((resume) => {
      const done = (error: Error): void => {
        if (error === unsent) {
          this.listen()
          resume(Effect.succeed(this))
        } else {
          const { host, remoteAddress: address } = this
          resume(Effect.fail(new ConnectFailed({ host, address, code: error.message, cause: error })))
        }
      }
      const options: DispatchOptions = { path: "/", method: "GET", servername: this.servername }
      this.client.dispatch(
        options,
        // A request that fails at the moment in which it would be written: by then the client has the socket.
        {
          onConnect: () => {
            throw unsent
          },
          onHeaders: () => true,
          onData: () => true,
          onComplete: () => {},
          onError: done
        }
      )
    })
  }

  get alive(): boolean {
    return !this.socket.destroyed
  }

  send(request: WireRequest, receiver: Receiver): void {
    this.receiver = receiver
    const options: DispatchOptions = {
      method: request.method as Dispatcher.HttpMethod, // any token is a method to undici
      path: request.path,
      headers: request.headers as Record<string, string>, // undici only reads them
      body: request.body,
      // Another name, which undici would take from a Host header, would make it close the socket.
      servername: this.servername,
      // By default a HEAD, and a body where none is expected, cost the connection.
      reset: false
    }
    // it has the methods that undici calls, see `Receiver`
    this.client.dispatch(options, receiver as Dispatcher.DispatchHandler)
  }

  keepAlive(announced: number): void {
    const millis = announced - this.settings.keepAliveSkew
    const at = this.now() + millis
    // Every response moves it on, which need not cost a step of the pool each time: it is told a little too early a time.
    if (at < this.expiresAt || at - this.expiresAt > millis / 8 || this.expiresAt === Infinity) {
      this.expiresAt = at
      this.report(Connector.Signal.ExpiresAt({ millis: at }))
    }
  }

  destroy(): void {
    this.socket.destroy()
    this.settle()
  }

  private listen(): void {
    const settle = (): void => this.settle()
    this.socket
      // Before undici's own listener, which may take the error for an end.
      .prependListener("error", (error) => {
        this.broken ??= error
      })
      // After its listeners, so that it has dealt with everything that has arrived.
      .on("readable", settle)
      .on("end", settle)
      .on("close", () => {
        this.settle()
        // undici waits for another socket otherwise
        this.client.destroy().catch(() => {})
      })
    this.client.on("disconnect", (_url, _clients, error) => {
      this.reason ??= error
    })
    // Its types do not know of it, but an error that no handler took would end the process.
    const emitter: EventEmitter = this.client
    emitter.on("error", (error: Error) => {
      this.reason ??= error
    })
    if (this.socket.destroyed) this.settle()
  }

  /** The exchange first: what it says about its end is worth more than that the connection is lost. */
  private settle(): void {
    const { receiver } = this
    if (receiver?.settle() === true && this.receiver === receiver) {
      this.receiver = undefined
      this.usedAt = this.now()
    }
    if (!this.socket.destroyed || this.told) return
    this.told = true
    this.report(Connector.Signal.Closed({ reason: (this.broken ?? this.reason)?.message ?? "closed" }))
  }
}

const unsent = new Error("not sent")
