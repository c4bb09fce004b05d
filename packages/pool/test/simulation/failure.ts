import type { LoggedEvent } from "./eventLog.ts"
import type { TierName } from "./tiers.ts"

/**
 * - `invariant`: a check said no
 * - `deadlock`: nothing can run and no timer is left, but the program has not finished
 * - `livelock`: the limit of steps or of virtual time was reached
 * - `escape`: the program used something that the simulation does not control
 * - `defect`: a fiber died of an unexpected error
 * - `exit`: the program itself ended in failure
 */
export type FailureKind = "invariant" | "deadlock" | "livelock" | "escape" | "defect" | "exit"

/** What went wrong in a run, with all that is needed to see it again. */
export interface Failure {
  readonly kind: FailureKind
  readonly detail: string
  readonly seed: number
  readonly tier: TierName
  readonly scenario: string
  readonly step: number
  readonly millis: number
  readonly events: ReadonlyArray<LoggedEvent>
  readonly eventsDropped: number
}

/** The command that runs this very seed again. */
export const replayCommand = (failure: Pick<Failure, "tier" | "scenario" | "seed">): string =>
  `npm run simulate -- --tier ${failure.tier} --scenario ${failure.scenario} --seed ${failure.seed}`

export const formatEvent = ({ event, millis, step }: LoggedEvent): string =>
  `  ${`${millis} ms`.padStart(9)}  #${String(step).padEnd(6)} ${event}`

export const formatFailure = (failure: Failure): string => {
  const before = failure.eventsDropped > 0 ? [`  … ${failure.eventsDropped} earlier events`] : []
  return [
    `${failure.kind}: ${failure.detail}`,
    `  seed ${failure.seed} · tier ${failure.tier} · scenario ${failure.scenario}`
    + ` · step ${failure.step} · virtual time ${failure.millis} ms`,
    ...before,
    ...failure.events.map(formatEvent),
    `  replay: ${replayCommand(failure)}`
  ].join("\n")
}
