/**
 * An alarm that one loop waits for and anybody may bring forward. It costs one comparison to leave it as it is, so it may be
 * touched on the hot path.
 *
 * The loop parks on a callback, and a fiber of its own sleeps for it. (A race of the two in the loop would be shorter, but a
 * race that is interrupted at the wrong moment never ends: the simulation found that.)
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { type Fibers, interrupt } from "./fibers.ts"

/** Timers of the platforms end at 2^31 - 1 milliseconds; a longer sleep is cut and slept again. */
const longestSleep = 2 ** 31 - 1

export class Alarm {
  /** when it rings; Infinity: not at all */
  private due = Infinity
  private rung = false
  private listener: (() => void) | undefined = undefined
  private sleeper: Fiber.RuntimeFiber<unknown, unknown> | undefined = undefined
  private readonly clock: Clock.Clock
  private readonly fibers: Fibers

  constructor(clock: Clock.Clock, fibers: Fibers) {
    this.clock = clock
    this.fibers = fibers
  }

  /** Rings then, if it would have rung later. */
  soonest(at: number): void {
    if (at >= this.due) return
    this.due = at
    this.sleep()
  }

  /** The clock jumped: whoever sleeps for it sleeps for the wrong time. */
  readjust(): void {
    if (this.due !== Infinity) this.sleep()
  }

  /** Waits until it rings. It is off then. */
  readonly wait: Effect.Effect<void> = Effect.async<void>((resume) => {
    if (this.rung) {
      this.rung = false
      resume(Effect.void)
    } else this.listener = () => resume(Effect.void)
  })

  private sleep(): void {
    interrupt(this.sleeper)
    this.sleeper = undefined
    const left = this.due - this.clock.unsafeCurrentTimeMillis()
    if (left <= 0) return this.ring()
    // In whole milliseconds: of a fraction a test clock would sleep too little again and again, without the time going on.
    const millis = Math.min(Math.ceil(left), longestSleep)
    const sleeper = this.fibers.run(
      Effect.flatMap(
        Effect.interruptible(this.clock.sleep(Duration.millis(millis))),
        () =>
          Effect.sync(() => {
            // brought forward in the meantime: another sleeps for it
            if (this.sleeper === sleeper) this.sleep()
          })
      )
    )
    this.sleeper = sleeper
  }

  private ring(): void {
    const { listener } = this
    this.due = Infinity
    this.listener = undefined
    if (listener === undefined) this.rung = true
    else listener()
  }
}
