/** How a body is read: as a whole or piece by piece. Whoever reads may be interrupted, or leave, at any time. */
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { ExchangeError } from "../HttpError.ts"
import { BodyClosed } from "../HttpError.ts"
import type { Body } from "./body.ts"
import { chunkOf } from "./chunkOf.ts"

const used = (host: string): BodyClosed => new BodyClosed({ host, reason: "it was read as a stream before" })

/** Waits for the whole body. It may be asked for again, also by several at once. */
export const whole = (body: Body, host: string): Effect.Effect<Uint8Array, ExchangeError> =>
  Effect.suspend(() => {
    if (body.error !== undefined) return Effect.fail(body.error)
    if (body.consumed) return Effect.fail(used(host))
    if (body.open) body.keepWhole()
    return body.open ? end(body) : done(body)
  })

const done = (body: Body): Effect.Effect<Uint8Array, ExchangeError> =>
  body.error === undefined ? Effect.succeed(body.whole()) : Effect.fail(body.error)

const end = (body: Body): Effect.Effect<Uint8Array, ExchangeError> =>
  Effect.async((resume) => {
    const listener = (): void => resume(done(body))
    body.listen(listener)
    return Effect.sync(() => {
      if (!body.unlisten(listener)) body.leave(true)
    })
  })

/**
 * The body piece by piece, as it comes. The connection waits while nobody pulls. It is a loop of one channel, without a layer
 * for anything: for large bodies each step counts.
 */
export const pieces = <E>(
  body: Body,
  host: string,
  failed: (error: ExchangeError) => E
): Stream.Stream<Uint8Array, E> =>
  Stream.unwrapScoped(Effect.suspend(() => {
    if (body.consumed) return Effect.succeed(Stream.fail(failed(used(host))))
    if (!body.unread) {
      // Somebody reads it as a whole, or has done so: it is there, or will be, and is given at once.
      return Effect.succeed(Stream.filter(Stream.mapError(Stream.fromEffect(whole(body, host)), failed), isSome))
    }
    body.takePieces()
    return Effect.as(
      Effect.addFinalizer((exit) => Effect.sync(() => body.leave(Exit.isFailure(exit) && Exit.isInterrupted(exit)))),
      Stream.fromChannel(loop(body, failed))
    )
  }))

const isSome = (bytes: Uint8Array): boolean => bytes.length > 0

type Pieces<E> = Channel.Channel<Chunk.Chunk<Uint8Array>, unknown, E, unknown, unknown, unknown>

const loop = <E>(body: Body, failed: (error: ExchangeError) => E): Pieces<E> => {
  const next: Pieces<E> = Channel.suspend(() => {
    if (body.empty) body.goOn()
    if (!body.empty) {
      const taken = chunkOf(body.take())
      body.goOn()
      return Channel.flatMap(Channel.write(taken), () => next)
    }
    if (body.error !== undefined) return Channel.fail(failed(body.error))
    return body.ended ? Channel.void : Channel.flatMap(Channel.fromEffect(change(body)), () => next)
  })
  return next
}

/** Whoever is interrupted while it waits leaves the body, and with it this. */
const change = (body: Body): Effect.Effect<void> => Effect.async((resume) => body.listen(() => resume(Effect.void)))
