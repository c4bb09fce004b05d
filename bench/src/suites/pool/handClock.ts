import { Clock, Duration, Effect } from "effect"

/** A clock that stands still until it is advanced, so that a loop of the pool runs when the benchmark wants it to. */
export interface HandClock {
  readonly clock: Clock.Clock
  /** Moves on and wakes whoever slept until then; the woken fibers run as soon as the caller lets them. */
  readonly advance: (millis: number) => void
}

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

export const makeHandClock = (start: number): HandClock => {
  let now = start
  const sleepers = new Set<Sleeper>()
  const nanos = (): bigint => BigInt(Math.round(now * 1e6))
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    currentTimeMillis: Effect.sync(() => now),
    unsafeCurrentTimeNanos: nanos,
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const sleeper = { until: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      })
  }
  return {
    clock,
    advance(millis) {
      now += millis
      for (const sleeper of sleepers) {
        if (sleeper.until <= now) {
          sleepers.delete(sleeper)
          sleeper.wake()
        }
      }
    }
  }
}
