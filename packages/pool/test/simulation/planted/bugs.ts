import type { TierName } from "../tiers.ts"

/**
 * Seven bugs that connection pools really have, each planted at one spot of `keyedPool.ts`. They stay for ever: a harness
 * that misses one of them proves nothing about the real pool either.
 */
export interface Bug {
  readonly name: BugName
  readonly description: string
  /** What an invariant says when it meets the bug. A run that fails otherwise has not found it. */
  readonly symptom: RegExp
  /** The calmest tier that finds it: how real such a bug is in production. */
  readonly calmest: TierName
}

export type BugName =
  | "permit-leak"
  | "permit-leak-late"
  | "lost-wakeup"
  | "torn-stats"
  | "double-release"
  | "socket-lost"
  | "cleanup-inside-restore"

/** Callers that wait for a lost permit wait until the limit of virtual time. */
const permitGone = /^permits at rest|^not finished after/

export const bugs: ReadonlyArray<Bug> = [
  {
    name: "permit-leak",
    description: "a connect that is interrupted keeps its permit",
    symptom: permitGone,
    calmest: "natural"
  },
  {
    name: "permit-leak-late",
    description: "the permit is guarded one operation too late",
    symptom: permitGone,
    calmest: "review"
  },
  {
    name: "lost-wakeup",
    description: "a waiter that is woken and interrupted swallows the permit it was handed",
    symptom: permitGone,
    calmest: "natural"
  },
  {
    name: "torn-stats",
    description: "the three counters change in three steps instead of one",
    symptom: /^torn stats/,
    calmest: "rare"
  },
  {
    name: "double-release",
    description: "the state is checked in one step and changed in the next, so two releases both win",
    symptom: /^permits above the limit|^shared connection/,
    calmest: "rare"
  },
  {
    name: "socket-lost",
    description: "nobody closes a socket whose owner is interrupted as it connects",
    symptom: /^sockets at rest/,
    calmest: "natural"
  },
  {
    name: "cleanup-inside-restore",
    description: "the close of a failed connect is registered inside restore, so it ends before the mask is back",
    symptom: /^sockets at rest/,
    calmest: "review"
  }
]
