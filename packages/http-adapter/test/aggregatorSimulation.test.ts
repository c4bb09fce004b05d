import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { runOutcome } from "../../pool/test/simulation/campaign.ts"
import { formatFailure } from "../../pool/test/simulation/failure.ts"
import { tierNames } from "../../pool/test/simulation/tiers.ts"
import { aggregatorPlanted, aggregatorStream } from "./simulation/aggregator.ts"

/** Far beyond what it takes: a slow machine is no failure. */
const patience = 300_000
/** Between batches the runner gets a word in. */
const batch = 50
const seeds = 200

describe("streamResults under any interleaving, with readers that stop at any step", () => {
  for (const tier of tierNames) {
    it(`A3 A4 ${seeds} seeds are clean (${tier})`, () =>
      Effect.runPromise(Effect.iterate(1, {
        while: (firstSeed) => firstSeed <= seeds,
        body: (firstSeed) =>
          Effect.sync(() => {
            const outcome = runOutcome(aggregatorStream, tier, { firstSeed, seeds: batch, exhaustive: false })
            assert.strictEqual(outcome.hits, 0, outcome.firstHit && formatFailure(outcome.firstHit))
            return firstSeed + batch
          }).pipe(Effect.delay(0))
      })), patience)
  }

  for (const planted of aggregatorPlanted) {
    it(`finds the planted bug ${planted.name}`, () => {
      const outcome = runOutcome(planted, "natural", { firstSeed: 1, seeds: 500, exhaustive: false })
      assert.strictEqual(outcome.hits, 1, outcome.firstStranger && formatFailure(outcome.firstStranger))
    }, patience)
  }
})
