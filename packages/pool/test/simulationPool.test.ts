import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { runOutcome } from "./simulation/campaign.ts"
import { formatFailure } from "./simulation/failure.ts"
import type { Scenario } from "./simulation/scenario.ts"
import { poolShutdown, poolStorm } from "./simulation/scenarios/pool.ts"
import { tierNames } from "./simulation/tiers.ts"

/** Far beyond what it takes (some ten seconds): a slow machine is no failure. */
const patience = 300_000
/** Between batches the runner gets a word in; it gives up on a worker that is silent for a minute. */
const batch = 50

const cleanOn = (scenario: Scenario, seeds: number): void => {
  for (const tier of tierNames) {
    it(`${scenario.name}: ${seeds} seeds are clean (${tier})`, () =>
      Effect.runPromise(Effect.iterate(1, {
        while: (firstSeed) => firstSeed <= seeds,
        body: (firstSeed) =>
          Effect.sync(() => {
            const outcome = runOutcome(scenario, tier, { firstSeed, seeds: batch, exhaustive: false })
            assert.strictEqual(outcome.hits, 0, outcome.firstHit && formatFailure(outcome.firstHit))
            return firstSeed + outcome.seeds
          }).pipe(Effect.delay(0))
      })), patience)
  }
}

/** Together 2,000 seeds a tier; `npm run simulate -- --seeds N` runs as many as one likes. */
describe("P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 S1 S3 S5 under any interleaving, interrupts and faults", () => {
  cleanOn(poolStorm, 1000)
  cleanOn(poolShutdown, 1000)
})
