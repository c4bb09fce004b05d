/** Waiting for conditions in real time, whatever clock the test lives by. */
import * as Effect from "effect/Effect"
import { setTimeout } from "node:timers/promises"

/** Lets real time go by. It exists for polling: no test may take it for proof that something has happened. */
export const pause = (millis: number): Effect.Effect<void> =>
  Effect.promise((signal) => setTimeout(millis, undefined, { signal }))

/** Polls until the condition holds, and dies with `what` when it never does. The limit is generous: no test measures time by it. */
export const until = <E, R>(
  what: string,
  condition: Effect.Effect<boolean, E, R>,
  limitMillis = 15_000
): Effect.Effect<void, E, R> =>
  Effect.gen(function*() {
    const deadline = performance.now() + limitMillis
    while (!(yield* condition)) {
      if (performance.now() > deadline) return yield* Effect.dieMessage(`never happened: ${what}`)
      yield* pause(5)
    }
  })

/** Polls a value until it is the one expected; the failure tells the last one seen. */
export const untilEqual = <E, R>(
  what: string,
  value: Effect.Effect<number, E, R>,
  expected: number,
  limitMillis = 15_000
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    let last: number | undefined
    const equal = Effect.map(value, (now) => {
      last = now
      return now === expected
    })
    return Effect.catchAllDefect(
      until(what, equal, limitMillis),
      (defect) => Effect.dieMessage(last === undefined ? String(defect) : `${what}: ${last}, never ${expected}`)
    )
  })
