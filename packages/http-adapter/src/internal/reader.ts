/** How a body is read: as a whole or piece by piece. Whoever reads may be interrupted, or leave, at any time. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ExchangeError } from "../HttpError.ts"
import { BodyClosed } from "../HttpError.ts"
import type { Body } from "./body.ts"

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

/** The body piece by piece, as it comes. The connection waits while nobody pulls. */
export const pieces = (body: Body, host: string): Stream.Stream<Uint8Array, ExchangeError> =>
  Stream.fromPull(
    Effect.suspend(() => {
      if (body.consumed) return Effect.succeed(Effect.fail(Option.some<ExchangeError>(used(host))))
      if (!body.unread) return Effect.succeed(once(body, host))
      body.takePieces()
      return Effect.as(
        Effect.addFinalizer((exit) => Effect.sync(() => body.leave(Exit.isFailure(exit) && Exit.isInterrupted(exit)))),
        pull(body)
      )
    })
  )

/** Somebody reads it as a whole, or has done so: it is there, or will be, and is given at once. */
const once = (body: Body, host: string): Pull => {
  let given = false
  return Effect.suspend(() => {
    if (given) return Effect.fail(Option.none())
    given = true
    return Effect.mapBoth(whole(body, host), {
      onFailure: Option.some,
      onSuccess: (bytes) => bytes.length === 0 ? Chunk.empty() : Chunk.of(bytes)
    })
  })
}

type Pull = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<ExchangeError>>

const pull = (body: Body): Pull => {
  const next: Pull = Effect.suspend(() => {
    if (!body.empty) {
      const taken = Chunk.unsafeFromArray(body.take())
      body.goOn()
      return Effect.succeed(taken)
    }
    body.goOn()
    if (!body.empty) return next
    if (body.error !== undefined) return Effect.fail(Option.some(body.error))
    if (body.ended) return Effect.fail(Option.none())
    return Effect.zipRight(change(body), next)
  })
  return next
}

const change = (body: Body): Effect.Effect<void> =>
  Effect.async((resume) => {
    const listener = (): void => resume(Effect.void)
    body.listen(listener)
    return Effect.sync(() => {
      body.unlisten(listener)
    })
  })
