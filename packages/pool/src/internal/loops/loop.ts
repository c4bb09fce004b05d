/** What all loops have in common: wait for the alarm, do one round, survive it. Only an interruption ends a loop. */
import * as Effect from "effect/Effect"
import type { Alarm } from "../alarm.ts"
import { type Core, now } from "../core.ts"

/**
 * A loop that rings at its alarm. A round tells when it wants to be called again. One that dies is logged, and the loop goes
 * on after a pause.
 */
export const loop = <K, Conn, E>(
  core: Core<K, Conn, E>,
  name: string,
  alarm: Alarm,
  round: (at: number) => number
): Effect.Effect<never> =>
  Effect.suspend(() => {
    const at = now(core)
    alarm.soonest(round(at))
    return alarm.wait
  }).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.logError(`${core.settings.name}: a round of the ${name} failed`, defect).pipe(
        Effect.tap(() => {
          core.failedRounds++
          alarm.soonest(now(core) + pauseAfterFailure)
        }),
        Effect.zipRight(alarm.wait)
      )
    ),
    Effect.forever
  )

const pauseAfterFailure = 1_000
