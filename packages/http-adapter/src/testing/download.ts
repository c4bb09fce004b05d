/** A response between the application, which sends it, and the client, which takes it at its own pace. */
import * as Effect from "effect/Effect"
import { errors } from "undici/index.js"
import type { Receiver } from "../internal/connection.ts"

/** As much as a socket hands over at once. */
const piece = 16 * 1024

/** The head of a response, and what follows from it. */
export interface Head {
  readonly status: number
  /** names and values in turn */
  readonly headers: ReadonlyArray<Uint8Array>
  /** of the body, if the head says it; 0 for a response that has none */
  readonly length: number | undefined
  /** it is the last one on its connection */
  readonly last: boolean
}

/** What arrives together, as in one packet. */
interface Packet {
  readonly head?: Head
  readonly bytes?: Uint8Array
  readonly end?: boolean
}

/** The connection that it comes by. */
export interface Carrier {
  readonly maxHeaderSize: number
  /** The whole response has been taken. */
  complete(last: boolean): void
  /** The client cannot go on with what it got. */
  lose(error: Error): void
  /** What has arrived is dealt with. */
  settle(): void
}

export class Download {
  private readonly receiver: Receiver
  private readonly carrier: Carrier
  private queue: Array<Uint8Array> = []
  private paused = false
  private delivering = false
  /** bytes that are still to come; unknown as long as it is infinite */
  private missing = Infinity
  private surplus = false
  private last = false
  private ended = false
  private waiting: Array<() => void> = []
  /** the head is out */
  begun = false
  /** nothing can be sent any more */
  closed = false

  constructor(receiver: Receiver, carrier: Carrier) {
    this.receiver = receiver
    this.carrier = carrier
  }

  /** Sends what goes out at once. `false` if the sender should wait until it is drained. */
  send({ bytes, end, head }: Packet): boolean {
    if (this.closed) return true
    if (head !== undefined && !this.begin(head)) return true
    if (bytes !== undefined) this.queueUp(bytes)
    this.ended ||= end === true
    this.deliver()
    return this.closed || this.drained
  }

  private begin({ headers, last, length, status }: Head): boolean {
    this.begun = true
    this.last = last
    const size = headers.reduce((sum, bytes) => sum + bytes.length, 0)
    if (size >= this.carrier.maxHeaderSize) {
      this.carrier.lose(new errors.HeadersOverflowError())
      return false
    }
    this.missing = length ?? Infinity
    this.receiver.onResponseStarted()
    this.paused = !this.receiver.onHeaders(status, headers, () => this.resume())
    return true
  }

  private queueUp(bytes: Uint8Array): void {
    const fits = Math.min(bytes.length, this.missing)
    this.surplus ||= fits < bytes.length
    this.missing -= fits
    for (let at = 0; at < fits; at += piece) this.queue.push(bytes.subarray(at, Math.min(at + piece, fits)))
  }

  /** The connection is gone. */
  close(): void {
    this.closed = true
    this.queue = []
    this.wake()
  }

  /** Until the client has taken what was written, or is gone. */
  readonly drain: Effect.Effect<void> = Effect.async((resume) => {
    if (this.closed || this.drained) return resume(Effect.void)
    const wake = (): void => resume(Effect.void)
    this.waiting.push(wake)
    return Effect.sync(() => {
      this.waiting = this.waiting.filter((other) => other !== wake)
    })
  })

  private get drained(): boolean {
    return this.queue.length === 0 && !this.paused
  }

  private resume(): void {
    this.paused = false
    this.deliver()
  }

  private deliver(): void {
    // whoever takes a piece may ask for more, or close the connection
    if (this.delivering) return
    this.delivering = true
    while (!this.closed && !this.paused) {
      const next = this.queue.shift()
      if (next === undefined) break
      if (!this.receiver.onData(next)) this.paused = true
    }
    this.delivering = false
    if (this.closed) return
    if (!this.drained) return this.carrier.settle()
    // With a length, the client waits for so many bytes: neither more nor fewer make a whole.
    if (this.missing > 0 && !(this.ended && this.missing === Infinity)) {
      this.carrier.settle()
      return this.wake()
    }
    this.close()
    this.carrier.complete(this.last || this.surplus)
  }

  private wake(): void {
    const { waiting } = this
    this.waiting = []
    for (const wake of waiting) wake()
  }
}
