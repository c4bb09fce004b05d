/**
 * Whether the engine is there. When it is not, one fiber asks for it, with pauses; all others wait for that one, so that an engine that comes
 * back is not met by all of them at once.
 */
import { Effect, Random, type Scope } from "effect"
import type { DockerError } from "../docker/DockerError.ts"
import { type Backoff, pause } from "./backoff.ts"

export interface EngineHealth {
  readonly isUp: () => boolean
  /** why it is not, or was not the last time */
  readonly lastFailure: () => string | undefined
  /** how often it was gone */
  readonly outages: () => number
  /** Waits until the engine is there, and then a moment of its own. */
  readonly available: Effect.Effect<void>
  /** Says that a request has failed. */
  readonly trouble: (error: DockerError) => Effect.Effect<void>
}

/** How long it takes until all who waited have begun again. */
const spreadMillis = 250

export const make = (
  ping: Effect.Effect<unknown, DockerError>,
  backoff: Backoff
): Effect.Effect<EngineHealth, never, Scope.Scope> =>
  Effect.gen(function*() {
    const up = yield* Effect.makeLatch(true)
    const down = yield* Effect.makeLatch(false)
    let isUp = true
    let lastFailure: string | undefined
    let outages = 0

    const ask = (failures: number): Effect.Effect<void> =>
      Effect.catchAll(Effect.asVoid(ping), (error) => {
        lastFailure = error.message
        return Effect.zipRight(pause(backoff, failures), ask(failures + 1))
      })
    const watch = down.await.pipe(
      Effect.zipRight(ask(0)),
      Effect.zipRight(Effect.suspend(() => {
        isUp = true
        return Effect.zipRight(down.close, up.open)
      })),
      Effect.forever
    )
    yield* Effect.forkScoped(watch)

    return {
      isUp: () => isUp,
      lastFailure: () => lastFailure,
      outages: () => outages,
      available: Effect.suspend(() =>
        isUp
          ? Effect.void
          : up.await.pipe(
            Effect.zipRight(Random.nextRange(0, spreadMillis)),
            Effect.flatMap((millis) => Effect.sleep(millis))
          )
      ),
      trouble: (error) =>
        Effect.suspend(() => {
          lastFailure = error.message
          if (!isUp) return Effect.void
          isUp = false
          outages += 1
          return Effect.zipRight(up.close, down.open)
        })
    }
  })
