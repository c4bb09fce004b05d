/** Pauses between tries: longer each time, up to a bound, and never the same for two that fail together. */
import { Effect, Random } from "effect"

export interface Backoff {
  readonly firstMillis: number
  readonly mostMillis: number
}

/** The pause after so many failures in a row, the first of which is 0. */
const pauseOf = ({ firstMillis, mostMillis }: Backoff, failures: number): Effect.Effect<number> =>
  Effect.map(Random.next, (random) => {
    const whole = Math.min(mostMillis, firstMillis * 2 ** Math.min(failures, 30))
    // at least half of it, so that a lucky number is no retry at once
    return whole * (0.5 + random / 2)
  })

export const pause = (backoff: Backoff, failures: number): Effect.Effect<void> =>
  Effect.flatMap(pauseOf(backoff, failures), (millis) => Effect.sleep(millis))
