import { type Cause, Effect } from "effect"

/** Looks again and again until it is so, but not for ever: what happens in the background, or at the other end, takes its time. */
export const eventually = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  isSo: (a: A) => boolean
): Effect.Effect<A, E | Cause.TimeoutException, R> => Effect.timeout(poll(look, isSo), "5 seconds")

const poll = <A, E, R>(look: Effect.Effect<A, E, R>, isSo: (a: A) => boolean): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    look,
    (a) => isSo(a) ? Effect.succeed(a) : Effect.zipRight(Effect.sleep("10 millis"), poll(look, isSo))
  )
