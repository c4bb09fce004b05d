/**
 * The one timer of a call. All limits of sources have the same length, so the source that was started first is late first: no heap
 * of deadlines is needed, and no more than one fiber sleeps, whatever the number of sources.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { type Crew, interrupt } from "./crew.ts"

/** Timers of the platforms end at 2^31 - 1 milliseconds; a longer sleep is cut, and slept again. */
const longestSleep = 2 ** 31 - 1

export class Countdown<R> {
  private readonly crew: Crew<R>
  private readonly clock: Clock.Clock
  private readonly ring: () => void
  private sleeper: Fiber.RuntimeFiber<unknown, unknown> | undefined
  private due = Infinity

  constructor(crew: Crew<R>, clock: Clock.Clock, ring: () => void) {
    this.crew = crew
    this.clock = clock
    this.ring = ring
  }

  /** Rings then, if it would have rung later. It may ring too early: whoever hears it looks at the time. */
  soonest(at: number): void {
    if (at >= this.due) return
    this.stop()
    this.due = at
    // In whole milliseconds: of a fraction a test clock would sleep too little again and again, without the time going on.
    const millis = Math.max(0, Math.ceil(at - this.clock.unsafeCurrentTimeMillis()))
    const sleep = this.clock.sleep(Duration.millis(Math.min(millis, longestSleep)))
    const sleeper = this.crew.run(Effect.zipRight(
      sleep,
      Effect.sync(() => {
        // brought forward in the meantime: another one sleeps for it
        if (this.due !== at) return
        this.sleeper = undefined
        this.due = Infinity
        this.ring()
      })
    ))
    if (this.due === at) this.sleeper = sleeper
  }

  stop(): void {
    this.due = Infinity
    interrupt(this.sleeper)
    this.sleeper = undefined
  }
}
