import { assert, describe, it } from "vitest"
import { runOutcome } from "./simulation/campaign.ts"
import { formatFailure } from "./simulation/failure.ts"
import type { Scenario } from "./simulation/scenario.ts"
import { poolShutdown, poolStorm } from "./simulation/scenarios/pool.ts"
import { tierNames } from "./simulation/tiers.ts"

const minute = 60_000

const cleanOn = (scenario: Scenario, seeds: number): void => {
  for (const tier of tierNames) {
    it(`${scenario.name}: ${seeds} seeds are clean (${tier})`, () => {
      const outcome = runOutcome(scenario, tier, { firstSeed: 1, seeds, exhaustive: false })
      assert.isAtLeast(outcome.seeds, seeds)
      assert.strictEqual(outcome.hits, 0, outcome.firstHit && formatFailure(outcome.firstHit))
    }, minute)
  }
}

/** Together 2,000 seeds a tier; `npm run simulate -- --seeds N` runs as many as one likes. */
describe("P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 S1 S3 S5 under any interleaving, interrupts and faults", () => {
  cleanOn(poolStorm, 1200)
  cleanOn(poolShutdown, 800)
})
