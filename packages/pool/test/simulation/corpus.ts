import type { TierName } from "./tiers.ts"

/**
 * Seeds that once failed. They run first, always, so that a bug that comes back is met in the first moment. A change to a
 * scenario or to the harness gives old seeds new meanings; they may stay for as long as they cost nothing.
 */
interface PastFailure {
  readonly scenario: string
  readonly tier: TierName
  readonly seed: number
  readonly note: string
}

const corpus: ReadonlyArray<PastFailure> = [
  {
    scenario: "planted/permit-leak",
    tier: "natural",
    seed: 4,
    note: "the first find of a planted bug, as the next six"
  },
  { scenario: "planted/permit-leak-late", tier: "review", seed: 15, note: "planted" },
  { scenario: "planted/lost-wakeup", tier: "natural", seed: 4, note: "planted" },
  { scenario: "planted/torn-stats", tier: "rare", seed: 1, note: "planted" },
  { scenario: "planted/double-release", tier: "rare", seed: 21, note: "planted" },
  { scenario: "planted/socket-lost", tier: "natural", seed: 8, note: "planted" },
  { scenario: "planted/cleanup-inside-restore", tier: "review", seed: 26, note: "planted" }
]

export const pastSeeds = (scenario: string, tier: TierName): ReadonlyArray<number> =>
  corpus.filter((past) => past.scenario === scenario && past.tier === tier).map((past) => past.seed)
