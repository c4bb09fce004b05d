/** The body of a request between the client, which sends it, and the application, which reads it if it likes. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { errors } from "undici/index.js"
import type { WireRequest } from "../internal/connection.ts"

/** So many bytes are on their way at most before the application reads, as in the buffers of two sockets. */
const room = 64 * 1024

/** Everything that arrived is kept: a test may want to see it, and an application to read it again. */
export class Upload {
  private readonly chunks: Array<Uint8Array> = []
  private size = 0
  private taken = 0
  private error: Error | undefined = undefined
  private listeners: Array<() => void> = []
  private readable: Readable | undefined = undefined
  ended = false

  get arrived(): Uint8Array {
    return Buffer.concat(this.chunks, this.size)
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The client's side
  // -------------------------------------------------------------------------------------------------------------------

  /** Begins to send. `abort` hears what went wrong with the body, or with its length. */
  send({ body, headers }: WireRequest, abort: (error: Error) => void): void {
    if (!(body instanceof Readable)) {
      if (body !== null) this.push(typeof body === "string" ? Buffer.from(body) : body)
      return this.end()
    }
    this.readable = body
    const length = headers["content-length"]
    const declared = length === undefined ? undefined : Number(length)
    body
      .on("data", (chunk: Uint8Array | string) => {
        const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk
        if (declared !== undefined && this.size + bytes.length > declared) abort(mismatch())
        else if (!this.push(bytes)) body.pause()
      })
      .on("end", () => declared === undefined || this.size === declared ? this.end() : abort(mismatch()))
      .on("error", abort)
      .on("close", () => this.ended || abort(new errors.RequestAbortedError()))
    if (body.readableEnded) this.end()
    else if (body.destroyed) abort(body.errored ?? new errors.RequestAbortedError())
  }

  /** There will be no more of it. */
  fail(error: Error): void {
    if (this.ended) return
    this.error ??= error
    this.readable?.destroy(error)
    this.tell()
  }

  /** `false` to pause. */
  private push(bytes: Uint8Array): boolean {
    this.chunks.push(bytes)
    this.size += bytes.length
    this.tell()
    return this.size - this.taken < room
  }

  private end(): void {
    this.ended = true
    this.tell()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The application's side
  // -------------------------------------------------------------------------------------------------------------------

  /** Waits for the whole of it. */
  readonly whole: Effect.Effect<Uint8Array, Error> = Effect.suspend(() => {
    this.took(this.size)
    if (this.error !== undefined) return Effect.fail(this.error)
    return this.ended ? Effect.succeed(this.arrived) : Effect.zipRight(this.change, this.whole)
  })

  /** Piece by piece; the client waits while nobody pulls. */
  readonly pieces: Stream.Stream<Uint8Array, Error> = Stream.suspend(() => {
    let next = 0
    const pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<Error>> = Effect.suspend(() => {
      if (next < this.chunks.length) {
        const pieces = this.chunks.slice(next)
        next = this.chunks.length
        this.took(this.size)
        return Effect.succeed(Chunk.unsafeFromArray(pieces))
      }
      if (this.error !== undefined) return Effect.fail(Option.some(this.error))
      return this.ended ? Effect.fail(Option.none()) : Effect.zipRight(this.change, pull)
    })
    return Stream.repeatEffectChunkOption(pull)
  })

  private took(bytes: number): void {
    this.taken = Math.max(this.taken, bytes)
    if (this.error === undefined) this.readable?.resume()
  }

  private readonly change: Effect.Effect<void> = Effect.async((resume) => {
    const listener = (): void => resume(Effect.void)
    this.listeners.push(listener)
    return Effect.sync(() => {
      this.listeners = this.listeners.filter((other) => other !== listener)
    })
  })

  private tell(): void {
    const { listeners } = this
    this.listeners = []
    for (const listener of listeners) listener()
  }
}

const mismatch = (): Error => new errors.RequestContentLengthMismatchError()
