/** How operations of the network go, and how many of them there are. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Gate } from "./gate.ts"

/** How one operation goes: its delay first, then its gate, then its outcome. */
export class Course {
  delay: Duration.Duration
  fails = false
  dies = false
  readonly gate: Gate = new Gate()

  constructor(delay: Duration.Duration = Duration.zero) {
    this.delay = delay
  }

  /** The delay is that of the beginning; hanging and the outcome are looked at when it is over. */
  readonly pass: Effect.Effect<void> = Effect.suspend(() =>
    Duration.isZero(this.delay) ? this.gate.pass : Effect.zipRight(Effect.sleep(this.delay), this.gate.pass)
  )
}

/** How many there are, and how many there were at most. */
export class Gauge {
  now = 0
  peak = 0

  up(): void {
    this.now += 1
    this.peak = Math.max(this.peak, this.now)
  }

  down(): void {
    this.now -= 1
  }

  /** Counts for as long as the effect runs, however it ends. */
  during<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(Effect.sync(() => this.up()), () => effect, () => Effect.sync(() => this.down()))
  }
}
