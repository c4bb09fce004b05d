/** A health check: a real request on that very connection, or a PING of HTTP/2, since a peer that has stopped still looks open to a socket. */
import type { Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import { ConnectionLost, type HttpError } from "../HttpError.ts"
import type { Receiver, Wire } from "./connection.ts"
import { failureOf } from "./failures.ts"
import { keepAliveOf, type RawHeaders } from "./head.ts"

/** Only who has not been heard of for an interval is asked. */
export const checkWire = (
  wire: Wire,
  keeper: Timekeeper.Timekeeper,
  interval: number
): Effect.Effect<void, HttpError> =>
  Effect.suspend(() =>
    wire.settings.healthCheck === "socketOnly" || keeper.now() - wire.usedAt < interval
      ? Effect.void
      : wire.ping === undefined
      ? ask(wire)
      : ping(wire)
  )

/** Where the protocol has a question of its own, no request is made for it. */
const ping = (wire: Wire): Effect.Effect<void, HttpError> =>
  Effect.async((resume) => {
    wire.ping?.((cause) => {
      if (cause === undefined) resume(Effect.void)
      else resume(Effect.fail(new ConnectionLost({ host: wire.host, written: false, answered: false, cause })))
    })
  })

/** Any well-formed answer will do. An interrupted check leaves a connection that the pool closes. */
const ask = (wire: Wire): Effect.Effect<void, HttpError> =>
  Effect.async((resume) => {
    wire.send(
      { method: wire.settings.healthCheckMethod, path: wire.settings.healthCheckPath, headers: {}, body: null },
      new Probe(wire, (error) => resume(error === undefined ? Effect.void : Effect.fail(error)))
    )
  })

class Probe implements Receiver {
  private readonly wire: Wire
  private readonly done: (error?: HttpError) => void
  private ended = false
  private error: HttpError | undefined = undefined
  private written = false
  private keepAlive: number | undefined = undefined

  constructor(wire: Wire, done: (error?: HttpError) => void) {
    this.wire = wire
    this.done = done
  }

  onConnect(): void {
    this.written = true
  }

  onResponseStarted(): void {}

  onHeaders(_: number, headers: RawHeaders): boolean {
    this.keepAlive = keepAliveOf(headers)
    return true
  }

  onData(): boolean {
    return true
  }

  onComplete(): void {
    this.ended = true
  }

  onError(cause: Error): void {
    const { host, settings: { maxHeaderSize } } = this.wire
    this.error = failureOf(cause, { host, maxHeaderSize, written: this.written, answered: false, headed: false })
    this.settle()
  }

  settle(): boolean {
    const over = this.ended || this.error !== undefined
    if (!over) return false
    if (this.ended && this.keepAlive !== undefined) this.wire.keepAlive(this.keepAlive)
    this.done(this.error)
    return true
  }
}
