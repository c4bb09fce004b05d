/**
 * One undici client around one socket: it speaks HTTP/1.1 and does nothing else. It never connects by itself, never queues,
 * and keeps no time: all of that is the pool's.
 */
import { Connector } from "@watertight/pool"
import * as Effect from "effect/Effect"
import type { EventEmitter } from "node:events"
import type * as Net from "node:net"
// By its file: Bun has a package of that name of its own, which lacks `dispatch`.
import { Client, type Dispatcher } from "undici/index.js"
import { ConnectFailed } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { Receiver, Wire, WireRequest } from "./connection.ts"
import type { HttpSettings } from "./settings.ts"

const longest = 2 ** 31 - 1

/** TLS says late that it has written, later than a quick answer comes: so much is on its way, and fits where it goes. */
const onItsWay = 16 * 1024

/** `servername` is an option of undici's requests that its types forget. */
interface DispatchOptions extends Dispatcher.DispatchOptions {
  readonly servername: string
}

export class UndiciWire implements Wire, Dispatcher.DispatchHandler {
  readonly shared = false
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
  /** the reader has enough for now: undici finds nothing to read */
  private held = false
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
        const late = given
        queueMicrotask(() => {
          // undici waits for ever on a socket that has told of its end before
          if (late || socket.destroyed) done(new Error("the connection is closed"), null)
          else done(null, socket)
        })
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

  sent(): boolean {
    return this.socket.writableLength <= onItsWay
  }

  send(request: WireRequest, receiver: Receiver): void {
    this.receiver = receiver
    this.held = false
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
    this.client.dispatch(options, this)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by undici: its handlers from before version 7 cost no second object per request, and give headers as they came
  // -------------------------------------------------------------------------------------------------------------------

  onConnect(): void {
    this.receiver?.onConnect()
  }

  onResponseStarted(): void {
    this.receiver?.onResponseStarted()
  }

  onHeaders(status: number, headers: Array<Buffer>): boolean {
    // Theirs has grown piece by piece, and is the old kind of object that a response should not be kept by.
    const raw = headers.slice()
    headers.length = 0
    this.receiver?.onHeaders(status, raw, this.release)
    return true
  }

  /** Never `false`: undici's parser throws when the connection ends while it is paused. */
  onData(chunk: Buffer): boolean {
    if (this.receiver?.onData(chunk) === false) this.held = true
    return true
  }

  onComplete(): void {
    this.receiver?.onComplete()
  }

  onError(error: Error): void {
    this.receiver?.onError(error)
  }

  /** What the socket has got meanwhile is read as if it had come now. */
  private readonly release = (): void => {
    if (!this.held) return
    this.held = false
    if (!this.socket.destroyed) this.socket.emit("readable")
  }

  // -------------------------------------------------------------------------------------------------------------------

  afterBatch(flush: () => void): void {
    setImmediate(flush)
  }

  keepAlive(announced: number): void {
    // of a short time, half: otherwise no connection could be used twice
    const millis = announced - Math.min(this.settings.keepAliveSkew, announced / 2)
    const at = this.now() + millis
    // Every response moves it on, which need not cost a step of the pool each time: it is told a little too early a time.
    if (at < this.expiresAt || at - this.expiresAt > millis / 8 || this.expiresAt === Infinity) {
      this.expiresAt = at
      this.report(Connector.Signal.ExpiresAt({ millis: at }))
    }
  }

  drop(): void {
    this.socket.destroy()
    this.settle()
  }

  private listen(): void {
    const settle = (): void => this.settle()
    const read = this.socket.read.bind(this.socket)
    this.socket.read = (size) => this.held ? null : read(size)
    this.socket
      // Before undici's own listeners, which may take the end of a connection for the end of a body.
      .prependListener("error", (error) => {
        this.broken ??= error
      })
      .prependListener("close", () => {
        if (!this.socket.readableEnded) this.broken ??= new Error("closed before its end")
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
      // what comes now was not asked for
      this.release()
    }
    if (!this.socket.destroyed || this.told) return
    this.told = true
    this.report(Connector.Signal.Closed({ reason: (this.broken ?? this.reason)?.message ?? "closed" }))
  }
}

const unsent = new Error("not sent")
