/**
 * One request and its response on one connection. It owns the lease from the moment in which the pool gave it until the body
 * has ended, has failed, or was given up: there is no other way for it to end, and none that needs the garbage collector.
 */
import type { Lease, Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import { Readable } from "node:stream"
import * as HttpError from "../HttpError.ts"
import { Body, type Source } from "./body.ts"
import { type Receiver, Unprocessed, type Wire, type WireRequest } from "./connection.ts"
import { Failed } from "./failed.ts"
import { failureOf } from "./failures.ts"
import { giveBack } from "./giveBack.ts"
import { contentLengthOf, type RawHeaders } from "./head.ts"
import { Patience } from "./patience.ts"

/** What may differ from request to request. */
export interface Limits {
  readonly responseTimeout: number
  readonly bodyTimeout: number
  readonly maxResponseSize: number
  readonly maxDecompressedSize: number
}

const noHeaders: RawHeaders = []

export class Exchange implements Receiver, Source {
  readonly body: Body
  private goodbyes: Array<() => void> | undefined = undefined
  status = 0
  rawHeaders = noHeaders
  private readonly lease: Lease.OwnedLease<Wire>
  private readonly wire: Wire
  private readonly limits: Limits
  private readonly patience: Patience
  private answer: ((answer: Effect.Effect<Exchange, Failed>) => void) | undefined = undefined
  private request: WireRequest | undefined = undefined
  private written = false
  private started = false
  private over = false
  private flushing = false
  private drainedAt = Infinity
  private resumeWire: (() => void) | undefined = undefined

  constructor(lease: Lease.OwnedLease<Wire>, limits: Limits, keeper: Timekeeper.Timekeeper) {
    this.lease = lease
    this.wire = lease.connection
    this.limits = limits
    this.patience = new Patience(keeper)
    this.body = new Body(this, this.wire.settings.readAhead)
  }

  get host(): string {
    return this.wire.host
  }

  get remoteAddress(): string {
    return this.wire.remoteAddress
  }

  get readAhead(): number {
    return this.wire.settings.readAhead
  }

  get maxDecompressedSize(): number {
    return this.limits.maxDecompressedSize
  }

  /** Sends the request and waits for the head of the response. May be interrupted: then `cancel` has to follow. */
  run(request: WireRequest): Effect.Effect<Exchange, Failed> {
    return Effect.async((resume) => {
      this.answer = resume
      // its scope had closed before it began
      if (this.body.error !== undefined) return this.fail(this.body.error)
      this.request = request
      const { responseTimeout } = this.limits
      this.patience.limit(responseTimeout, () => {
        this.abort(new HttpError.ResponseTimeout({ host: this.host, timeout: responseTimeout }))
      })
      if (request.body instanceof Readable) {
        request.body.once("error", (cause) => this.bodyFailed(cause))
        if (request.body.errored !== null) return this.bodyFailed(request.body.errored)
      }
      this.wire.send(request, this)
    })
  }

  /** Has something done when it is over. */
  atEnd(goodbye: () => void): void {
    if (this.over) goodbye()
    else (this.goodbyes ??= []).push(goodbye)
  }

  /** Whoever waited for it, or read it, was interrupted. */
  cancel(): void {
    this.close("interrupted")
  }

  /** Nobody will read it any more. */
  close(reason: string): void {
    if (!this.over) this.abort(new HttpError.BodyClosed({ host: this.host, reason }))
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the connection
  // -------------------------------------------------------------------------------------------------------------------

  onConnect(): void {
    this.written = true
  }

  onResponseStarted(): void {
    this.started = true
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void): boolean {
    // an informational response: the real one is still to come
    if (status < 200) return true
    this.started = true
    this.status = status
    this.rawHeaders = headers
    this.resumeWire = resume
    this.patience.end()
    // These have no body, whatever length they give, and undici takes that length at its word.
    if (status === 204 || status === 304) this.body.end()
    this.answer?.(Effect.succeed(this))
    this.answer = undefined
    return true
  }

  onData(chunk: Uint8Array): boolean {
    const { body, limits: { maxResponseSize } } = this
    const goOn = body.push(chunk)
    if (body.received > maxResponseSize) {
      this.abort(new HttpError.BodyTooLarge({ host: this.host, limit: maxResponseSize }))
    } else if (body.received > this.drainedAt) this.close("left unread")
    else if (body.claimed) this.limitPause(goOn)
    if (body.awaited) this.flush()
    return goOn
  }

  onComplete(): void {
    // undici takes a reset for the end of a body that ends with its connection, but it may have cut it short
    const { broken } = this.wire
    if (broken === undefined) this.body.end()
    else this.onError(broken)
  }

  onError(cause: Error): void {
    if (this.over) return
    const { host, started: answered, wire, written } = this
    const { maxHeaderSize } = wire.settings
    this.fail(
      failureOf(cause, { host, written, answered, headed: this.status !== 0, maxHeaderSize }),
      cause instanceof Unprocessed
    )
    // Nothing that undici refuses to write, or that it has written, leaves the connection as it was.
    this.finish()
  }

  settle(): boolean {
    if (this.over) return true
    if (!this.body.open) this.finish()
    else if (this.body.unread && this.answer === undefined && !this.patience.limited) this.limitWaiting()
    return this.over
  }

  private flush(): void {
    if (this.wire.afterBatch === undefined) return this.body.flush()
    if (this.flushing) return
    this.flushing = true
    this.wire.afterBatch(() => {
      this.flushing = false
      this.body.flush()
    })
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the reader
  // -------------------------------------------------------------------------------------------------------------------

  resume(): void {
    if (this.over) return
    this.limitPause(true)
    this.resumeWire?.()
    this.settle()
  }

  claimed(): void {
    this.patience.end()
    this.limitPause(true)
  }

  /** A short rest is read to its end, since that is cheaper than a new connection; a long or slow one is not. */
  left(byInterruption: boolean): void {
    if (this.over) return
    if (byInterruption) return this.cancel()
    const { drainLimit, drainTimeout } = this.wire.settings
    const { received } = this.body
    const length = contentLengthOf(this.rawHeaders)
    if (drainLimit === 0 || (length !== undefined && length - received > drainLimit)) return this.close("left unread")
    this.patience.limit(drainTimeout, () => this.close("left unread"))
    this.drainedAt = received + drainLimit
    this.body.drain()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Time limits
  // -------------------------------------------------------------------------------------------------------------------

  private limitWaiting(): void {
    const { unreadTimeout } = this.wire.settings
    this.patience.limit(unreadTimeout, () => this.close(`nobody read it within ${unreadTimeout} ms`))
  }

  /** A pause that the reader makes does not count. */
  private limitPause(flowing: boolean): void {
    const { bodyTimeout } = this.limits
    if (bodyTimeout === Infinity || this.drainedAt < Infinity) return
    this.patience.end()
    if (flowing && this.body.open) {
      this.patience.limit(
        bodyTimeout,
        () => this.abort(new HttpError.BodyTimeout({ host: this.host, timeout: bodyTimeout }))
      )
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The end
  // -------------------------------------------------------------------------------------------------------------------

  /** Told before undici is. A body that undici destroys because the connection is lost fails as well, but that is not why. */
  private bodyFailed(cause: Error): void {
    if (this.over || !this.wire.alive) return
    this.abort(cause instanceof HttpError.RequestBodyFailed ? cause : new HttpError.RequestBodyFailed({ cause }))
  }

  /** Fails it, whatever it is at, and closes its connection. */
  abort(error: HttpError.ExchangeError): void {
    if (this.over) return
    this.fail(error)
    this.finish()
  }

  private fail(error: HttpError.ExchangeError, unprocessed = false): void {
    this.body.fail(error)
    if (this.answer === undefined) return
    const unanswered = error._tag === "ConnectionLost" && !this.started
    // An old connection may have been closed as the request left, which is nobody's fault; a new one that dies so, or a peer
    // that takes requests and does not answer, is as good as down.
    // (That a caller is less patient than the host's settings says nothing about the host.)
    const silent = error._tag === "ResponseTimeout" && error.timeout === this.wire.settings.responseTimeout
    if (silent || (unanswered && !unprocessed && !this.lease.reused)) {
      Effect.runSync(this.lease.reportFailure(error))
    }
    const again = unanswered && (this.lease.reused || !this.written || unprocessed)
    this.answer(Effect.fail(new Failed(error, again, this.written, unprocessed, this.wire)))
    this.answer = undefined
  }

  /** The one end of the lease. */
  private finish(): void {
    if (this.over) return
    this.over = true
    this.patience.end()
    if (this.goodbyes !== undefined) { for (const goodbye of this.goodbyes) goodbye() }
    const { body, lease, wire } = this
    const sent = this.request?.body
    this.request = undefined
    if (giveBack(lease, this, body, this.rawHeaders)) return
    wire.drop(this)
    // a body that was still being sent has a fiber of its own
    if (sent instanceof Readable) sent.destroy()
  }
}
