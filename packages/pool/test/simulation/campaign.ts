import { pastSeeds } from "./corpus.ts"
import type { Failure } from "./failure.ts"
import type { Scenario } from "./scenario.ts"
import { simulate, type SimulationResult } from "./simulate.ts"
import { type TierName, tiers } from "./tiers.ts"

export interface Plan {
  readonly scenarios: ReadonlyArray<Scenario>
  readonly tiers: ReadonlyArray<TierName>
  readonly firstSeed: number
  readonly seeds: number
  /** Run every seed of a planted bug too, for its detection rate, instead of stopping at the first find. */
  readonly exhaustive: boolean
}

/** What became of one scenario in one tier. */
export interface Outcome {
  readonly scenario: Scenario
  readonly tier: TierName
  readonly seeds: number
  /** Runs that failed; of a planted bug, those that failed with its symptom. */
  readonly hits: number
  readonly firstHit: Failure | undefined
  /** Failures of a planted scenario that have nothing to do with its bug: the harness itself is at fault. */
  readonly strangers: number
  readonly firstStranger: Failure | undefined
  readonly steps: number
  readonly operations: number
  readonly elapsedMillis: number
}

export interface Campaign {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly seeds: number
  readonly elapsedMillis: number
  /** Failures that must not be. */
  readonly failures: number
  /** Failures in tiers that the scenario only reports. */
  readonly advisories: number
  readonly planted: ReadonlyArray<string>
  readonly found: ReadonlyArray<string>
  readonly ok: boolean
}

/** A planted bug that is not found in so many seeds will not be. */
export const plantedSeedsMax = 2000

export const runSeed = (scenario: Scenario, tier: TierName, seed: number): SimulationResult<unknown, unknown> =>
  simulate(seed, scenario.program, { ...scenario.options, tier: tiers[tier], scenario: scenario.name })

export const runOutcome = (
  scenario: Scenario,
  tier: TierName,
  plan: Pick<Plan, "firstSeed" | "seeds" | "exhaustive">,
  onSeed: (seedsDone: number) => void = () => {}
): Outcome => {
  const startedAt = performance.now()
  const seedsMax = scenario.planted === undefined || plan.exhaustive
    ? plan.seeds
    : Math.min(plan.seeds, plantedSeedsMax)
  let [seeds, steps, operations, hits, strangers] = [0, 0, 0, 0, 0]
  let firstHit: Failure | undefined
  let firstStranger: Failure | undefined
  for (const seed of seedsOf(scenario, tier, plan.firstSeed, seedsMax)) {
    const result = runSeed(scenario, tier, seed)
    seeds++
    steps += result.steps
    operations += result.operations
    onSeed(seeds)
    if (result.failure === undefined) continue
    if (scenario.planted !== undefined && !scenario.planted.test(result.failure.detail)) {
      strangers++
      firstStranger ??= result.failure
      continue
    }
    hits++
    firstHit ??= result.failure
    if (scenario.planted !== undefined && !plan.exhaustive) break
  }
  const elapsedMillis = performance.now() - startedAt
  return { scenario, tier, seeds, hits, firstHit, strangers, firstStranger, steps, operations, elapsedMillis }
}

export const runCampaign = (
  plan: Plan,
  onProgress: (scenario: Scenario, tier: TierName, seedsDone: number) => void = () => {}
): Campaign =>
  judge(
    plan.scenarios.flatMap((scenario) =>
      plan.tiers.map((tier) => runOutcome(scenario, tier, plan, (seedsDone) => onProgress(scenario, tier, seedsDone)))
    )
  )

/** Whether this outcome alone fails the build. A planted bug that one tier misses may be found in the next. */
export const breaks = (outcome: Outcome): boolean => failuresOf(outcome) > 0 && !isAdvisory(outcome)

export const isAdvisory = ({ scenario, tier }: Outcome): boolean => scenario.advisory?.includes(tier) === true

const failuresOf = ({ hits, scenario, strangers }: Outcome): number => scenario.planted === undefined ? hits : strangers

const judge = (outcomes: ReadonlyArray<Outcome>): Campaign => {
  const planted = outcomes.filter(({ scenario }) => scenario.planted !== undefined)
  const namesOf = (some: ReadonlyArray<Outcome>): ReadonlyArray<string> => [
    ...new Set(some.map(({ scenario }) => scenario.name))
  ]
  const plantedNames = namesOf(planted)
  const found = namesOf(planted.filter(({ hits }) => hits > 0))
  const failures = sum(outcomes.filter((outcome) => !isAdvisory(outcome)).map(failuresOf))
  return {
    outcomes,
    seeds: sum(outcomes.map(({ seeds }) => seeds)),
    elapsedMillis: sum(outcomes.map(({ elapsedMillis }) => elapsedMillis)),
    failures,
    advisories: sum(outcomes.filter(isAdvisory).map(failuresOf)),
    planted: plantedNames,
    found,
    ok: failures === 0 && found.length === plantedNames.length
  }
}

/** Past failures first, then the range. */
function* seedsOf(scenario: Scenario, tier: TierName, first: number, count: number): Iterable<number> {
  const past = pastSeeds(scenario.name, tier)
  yield* past
  for (let seed = first; seed < first + count; seed++) {
    if (!past.includes(seed)) yield seed
  }
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)
