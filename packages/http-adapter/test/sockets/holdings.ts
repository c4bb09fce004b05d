/** What this process holds that a pool could leave behind: sockets as the kernel counts them, fibers and timers. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Descriptors from "../parts/descriptors.ts"
import { until } from "../parts/waiting.ts"

export interface Holdings {
  readonly sockets: number
  /** every fiber that has not ended, whoever forked it */
  readonly fibers: number
  readonly timers: number
}

export const holdings: Effect.Effect<Holdings> = Effect.gen(function*() {
  const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
  const { count: fibers } = yield* Metric.value(Metric.fiberActive)
  return { sockets: yield* Descriptors.sockets, fibers, timers }
})

/** Polls until there is no more than before. */
export const awaitLevel = (before: Holdings, limitMillis?: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    let last: Holdings | undefined
    const level = Effect.map(holdings, (now) => {
      last = now
      // The test runner has timers that come and go.
      return now.sockets === before.sockets && now.fibers === before.fibers && now.timers <= before.timers
    })
    return Effect.catchAllDefect(
      until("the level of before", level, limitMillis),
      (defect) => Effect.dieMessage(`${String(defect)}: ${JSON.stringify(last)} instead of ${JSON.stringify(before)}`)
    )
  })
