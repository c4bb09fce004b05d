/**
 * An alarm that one loop waits for and anybody may bring forward. It costs one comparison to leave it as it is, so it may be
 * touched on the hot path.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** Timers of the platforms end at 2^31 - 1 milliseconds; a longer wait is cut and waited again. */
const longestSleep = 2 ** 31 - 1

export class Alarm {
  /** when it rings; Infinity: not at all */
  due = Infinity
  private wake: (() => void) | undefined = undefined

  /** Rings then, if it would have rung later. */
  soonest(at: number): void {
    if (at < this.due) {
      this.due = at
      this.wake?.()
    }
  }

  /** Waits until it rings. It is off then. */
  wait(clock: Clock.Clock): Effect.Effect<void> {
    return Effect.suspend(() => {
      const due = this.due
      const left = due - clock.unsafeCurrentTimeMillis()
      if (left <= 0) {
        this.due = Infinity
        return Effect.void
      }
      // The alarm may be brought forward before the fiber that listens has started.
      const broughtForward = Effect.async<void>((resume) => {
        if (this.due < due) resume(Effect.void)
        else this.wake = () => resume(Effect.void)
      })
      const pause = due === Infinity
        ? broughtForward
        : Effect.raceFirst(clock.sleep(Duration.millis(Math.min(left, longestSleep))), broughtForward)
      return Effect.flatMap(pause, () => this.wait(clock))
    })
  }
}
