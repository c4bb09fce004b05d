/**
 * How hard a run presses. Production yields only after 2048 operations in one run loop, so a forced yield at any
 * operation also reaches states that production reaches rarely or never. The tier in which a failure shows therefore
 * says how to read it.
 */
export type TierName = "natural" | "rare" | "review"

export interface Tier {
  readonly name: TierName
  /** What a failure found here means. */
  readonly meaning: string
  /** The chance of a forced yield before an operation that may be interrupted by one. */
  readonly yieldProbability: number
  /** Operations after the start of a run loop before which no yield is forced. */
  readonly yieldAfterOperations: number
}

export const tiers: Readonly<Record<TierName, Tier>> = {
  natural: {
    name: "natural",
    meaning: "no forced yields: a failure is a real bug",
    yieldProbability: 0,
    yieldAfterOperations: Number.MAX_SAFE_INTEGER
  },
  rare: {
    name: "rare",
    meaning: "forced yields after 16 operations: a failure is real, but rare in production",
    yieldProbability: 0.05,
    yieldAfterOperations: 16
  },
  review: {
    name: "review",
    meaning: "forced yields after 2 operations: a failure is a matter for review",
    yieldProbability: 0.05,
    yieldAfterOperations: 2
  }
}

export const tierNames: ReadonlyArray<TierName> = ["natural", "rare", "review"]
