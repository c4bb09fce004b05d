/** The client's end of a connection without a socket. To the client it is what a socket with HTTP/1.1 on it is. */
import { Connector, type Timekeeper } from "@watertight/pool"
import type { TestConnection } from "@watertight/pool/testing"
import type * as Effect from "effect/Effect"
import { errors } from "undici/index.js"
import type { Receiver, Wire, WireRequest } from "../internal/connection.ts"
import type { HttpSettings } from "../internal/settings.ts"
import type { Origin } from "../Origin.ts"
import { Arrival } from "./arrival.ts"
import { type Carrier, Download } from "./download.ts"
import { type Run, Serving } from "./serve.ts"
import type { Server } from "./servers.ts"
import { Upload } from "./upload.ts"

/** What a connection is made of. */
export interface Parts {
  readonly connection: TestConnection
  readonly origin: Origin
  readonly server: Server
  readonly settings: HttpSettings
  readonly keeper: Timekeeper.Timekeeper
  readonly report: (signal: Connector.Signal) => void
  readonly run: Run
  /** The server closes the connection. */
  readonly cut: Effect.Effect<void>
}

export class TestWire implements Wire, Carrier {
  readonly shared = false
  readonly host: string
  readonly settings: HttpSettings
  readonly remoteAddress: string
  usedAt: number
  private lost: Error | undefined = undefined
  private told = false
  private readonly parts: Parts
  private receiver: Receiver | undefined = undefined
  private serving: Serving | undefined = undefined
  /** when the server has had enough of an idle connection */
  private boredom: Timekeeper.Timer | undefined = undefined

  constructor(parts: Parts) {
    this.parts = parts
    this.host = parts.origin.label
    this.settings = parts.settings
    this.remoteAddress = parts.connection.address
    this.usedAt = parts.keeper.now()
  }

  get alive(): boolean {
    return this.lost === undefined
  }

  get maxHeaderSize(): number {
    return this.settings.maxHeaderSize
  }

  /** The same connection for a health check, which the server counts apart. */
  get probe(): Wire {
    const { alive, host, remoteAddress, settings, usedAt } = this
    return {
      shared: false,
      alive,
      host,
      remoteAddress,
      settings,
      usedAt,
      send: (request, receiver) => this.exchange(request, receiver, true),
      keepAlive: (millis) => this.keepAlive(millis),
      drop: () => this.drop()
    }
  }

  send(request: WireRequest, receiver: Receiver): void {
    this.exchange(request, receiver, false)
  }

  keepAlive(announced: number): void {
    const { keeper, report } = this.parts
    const skew = Math.min(this.settings.keepAliveSkew, announced / 2)
    report(Connector.Signal.ExpiresAt({ millis: keeper.now() + announced - skew }))
  }

  drop(): void {
    this.lose(new errors.InformationalError("aborted"))
    this.tell()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the response
  // -------------------------------------------------------------------------------------------------------------------

  settle(): void {
    this.receiver?.settle()
  }

  complete(last: boolean): void {
    // On a network, the answer takes a turn in which a request that is nearly sent comes to its end.
    if (this.serving?.upload.ended === false) setImmediate(() => this.finish(last))
    else this.finish(last)
  }

  private finish(last: boolean): void {
    if (!this.alive) return
    const { parts: { cut, keeper, run, server: { keepAlive } }, receiver, serving } = this
    this.receiver = undefined
    this.serving = undefined
    receiver?.onComplete()
    const reset = new errors.InformationalError("reset")
    // Otherwise the rest of the request would be left on the connection.
    if (last || serving?.upload.ended === false) this.lost = reset
    serving?.upload.fail(reset)
    this.usedAt = keeper.now()
    if (this.alive && keepAlive !== undefined) {
      this.boredom = keeper.at(keeper.now() + keepAlive.millis, () => run(cut))
    }
    receiver?.settle()
    this.tell()
  }

  /** The end, from whichever side. */
  lose(error: Error): void {
    if (!this.alive) return
    this.lost = error
    const { receiver, serving } = this
    this.receiver = undefined
    this.serving = undefined
    this.parts.keeper.cancel(this.boredom)
    serving?.abort(error)
    receiver?.onError(error)
    receiver?.settle()
    this.tell()
  }

  /** The request cannot be sent to its end: the exchange hears of it while the connection is still there. */
  private abort(error: Error): void {
    const { receiver } = this
    this.receiver = undefined
    receiver?.onError(error)
    this.lose(error)
  }

  /** The pool hears of the end after the exchange, which knows more about it, but before the connection could be lent again. */
  private tell(): void {
    if (this.lost === undefined || this.told) return
    this.told = true
    this.parts.report(Connector.Signal.Closed({ reason: this.lost.message }))
  }

  // -------------------------------------------------------------------------------------------------------------------

  private exchange(request: WireRequest, receiver: Receiver, isCheck: boolean): void {
    if (!this.alive) return receiver.onError(new errors.SocketError("closed"))
    const { connection, cut, keeper, origin, run, server } = this.parts
    keeper.cancel(this.boredom)
    this.receiver = receiver
    receiver.onConnect()
    const upload = new Upload()
    const arrival = new Arrival(request, origin.url.slice(origin.url.indexOf("//") + 2), connection.id, upload)
    if (isCheck) server.checks += 1
    else server.requests.push(arrival)
    upload.send(request, (error) => this.abort(error))
    if (!this.alive) return
    if (!isCheck && server.cutsBeforeAnswer > 0) {
      server.cutsBeforeAnswer -= 1
      run(cut)
    } else this.serving = new Serving(run, server, arrival, upload, new Download(receiver, this), cut)
  }
}
