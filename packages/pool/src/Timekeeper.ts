/** Deadlines by the dozen for the price of one fiber. For adapters, whose connections have time limits of their own. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Fibers } from "./internal/fibers.ts"
import * as internal from "./internal/timekeeper.ts"

/** A deadline that was set; it can be cancelled. */
export type Timer = internal.Timer

/** Keeps deadlines of the `Clock` that it was made under. */
export interface Timekeeper {
  /** the time of its clock, in milliseconds */
  now(): number
  /** Runs something then, once, unless cancelled. Never, if the time is `Infinity`. */
  at(millis: number, run: () => void): Timer | undefined
  /** Does nothing to a deadline that is over, or was never set. */
  cancel(timer: Timer | undefined): void
}

/**
 * Makes a timekeeper whose deadlines end with the scope.
 *
 * @example
 * import { Timekeeper } from "@watertight/pool"
 * import { Effect } from "effect"
 *
 * export const program = Effect.gen(function*() {
 *   const timekeeper = yield* Timekeeper.make
 *   const timer = timekeeper.at(timekeeper.now() + 5000, () => console.log("late"))
 *   timekeeper.cancel(timer)
 * })
 */
export const make: Effect.Effect<Timekeeper, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const sleepers = new Fibers(yield* Effect.runtime())
  const keeper = new internal.Timekeeper(clock, sleepers)
  yield* Effect.addFinalizer(() =>
    Effect.async<void>((resume) => {
      keeper.clear()
      sleepers.stop(() => resume(Effect.void))
    })
  )
  yield* keeper.turn.pipe(
    Effect.catchAllDefect((defect) => Effect.logError("a deadline failed", defect)),
    Effect.forever,
    Effect.interruptible,
    Effect.forkScoped
  )
  return {
    now: () => clock.unsafeCurrentTimeMillis(),
    at: (millis, run) => keeper.at(millis, run),
    cancel: (timer) => keeper.cancel(timer)
  }
})
