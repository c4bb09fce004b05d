import { breaks, type Campaign, isAdvisory, type Outcome, type Plan } from "./campaign.ts"
import { type Failure, formatEvent, formatFailure, replayCommand } from "./failure.ts"
import type { SimulationResult } from "./simulate.ts"
import { type TierName, tiers } from "./tiers.ts"

const count = (value: number): string => Math.round(value).toLocaleString("en-US")

const perSecond = (seeds: number, millis: number): number => millis === 0 ? 0 : Math.round((seeds * 1000) / millis)

const cell = (outcome: Outcome | undefined): string => {
  if (outcome === undefined) return ""
  const { firstHit, hits, scenario, seeds, strangers } = outcome
  if (strangers > 0) return `BROKEN ${strangers}/${count(seeds)}`
  if (scenario.planted !== undefined) {
    if (firstHit === undefined) return `not found in ${count(seeds)}`
    return hits === 1 ? `found: seed ${firstHit.seed}` : `found ${count(hits)}/${count(seeds)}: seed ${firstHit.seed}`
  }
  if (hits === 0) return `clean ${count(seeds)}`
  return `${isAdvisory(outcome) ? "review" : "FAILED"} ${count(hits)}/${count(seeds)}`
}

const alignColumns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
}

/** One line a scenario, one column a tier. */
export const formatTable = (campaign: Campaign, tierNames: ReadonlyArray<TierName>): string => {
  const names = [...new Set(campaign.outcomes.map(({ scenario }) => scenario.name))]
  const rows = names.map((name) => {
    const own = campaign.outcomes.filter(({ scenario }) => scenario.name === name)
    const speed = perSecond(sumOf(own, "seeds"), sumOf(own, "elapsedMillis"))
    const cells = tierNames.map((tier) => cell(own.find((outcome) => outcome.tier === tier)))
    return [name].concat(cells, count(speed))
  })
  const legend = tierNames.map((tier) => `${tier}: ${tiers[tier].meaning}`)
  return [...alignColumns([["scenario", ...tierNames, "seeds/s"], ...rows]), "", ...legend].join("\n")
}

/** The failures that a reader has to look at, worst first. */
export const formatFailures = (campaign: Campaign): ReadonlyArray<string> => {
  const shown = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Failure> =>
    outcomes.flatMap(({ firstHit, firstStranger, scenario }) => {
      const failure = scenario.planted === undefined ? firstHit : firstStranger
      return failure === undefined ? [] : [failure]
    })
  const missing = campaign.planted.filter((name) => !campaign.found.includes(name))
  return [
    ...shown(campaign.outcomes.filter(breaks)).map(formatFailure),
    ...shown(campaign.outcomes.filter(isAdvisory)).map((failure) => `for review:\n${formatFailure(failure)}`),
    ...missing.map((name) =>
      `planted bug not found: ${name}. The harness is blind to it; trust none of its other results.`
    )
  ]
}

export const formatSummary = (campaign: Campaign, resultFile: string): string =>
  [
    `simulate ${campaign.ok ? "ok" : "FAILED"}`,
    `${count(campaign.seeds)} seeds`,
    `${count(campaign.failures)} failures`,
    ...(campaign.advisories > 0 ? [`${count(campaign.advisories)} for review`] : []),
    `${count(perSecond(campaign.seeds, campaign.elapsedMillis))} seeds/s`,
    campaign.planted.length === 0
      ? "planted bugs not run"
      : `planted found ${campaign.found.length}/${campaign.planted.length}`,
    resultFile
  ].join(" · ")

/** The same, for machines. */
export const toJson = (campaign: Campaign, plan: Plan, startedAt: Date): unknown => ({
  startedAt: startedAt.toISOString(),
  node: process.version,
  ok: campaign.ok,
  seeds: campaign.seeds,
  failures: campaign.failures,
  advisories: campaign.advisories,
  seedsPerSecond: perSecond(campaign.seeds, campaign.elapsedMillis),
  elapsedMillis: Math.round(campaign.elapsedMillis),
  planted: {
    total: campaign.planted.length,
    found: campaign.found.length,
    missing: campaign.planted.filter((name) => !campaign.found.includes(name))
  },
  plan: { firstSeed: plan.firstSeed, seeds: plan.seeds, tiers: plan.tiers, exhaustive: plan.exhaustive },
  outcomes: campaign.outcomes.map((outcome) => ({
    scenario: outcome.scenario.name,
    tier: outcome.tier,
    planted: outcome.scenario.planted !== undefined,
    advisory: isAdvisory(outcome),
    seeds: outcome.seeds,
    hits: outcome.hits,
    strangers: outcome.strangers,
    steps: outcome.steps,
    operations: outcome.operations,
    seedsPerSecond: perSecond(outcome.seeds, outcome.elapsedMillis),
    first: failureJson(outcome.firstHit),
    firstStranger: failureJson(outcome.firstStranger)
  }))
})

const failureJson = (failure: Failure | undefined): unknown =>
  failure === undefined ? null : {
    kind: failure.kind,
    detail: failure.detail,
    seed: failure.seed,
    step: failure.step,
    millis: failure.millis,
    replay: replayCommand(failure)
  }

/** One seed, run to be looked at. */
export const formatReplay = (
  scenario: string,
  tier: TierName,
  seed: number,
  result: SimulationResult<unknown, unknown>
): string => {
  const figures = `${count(result.steps)} steps · ${count(result.operations)} operations`
    + ` · ${result.forcedYields} forced yields · ${result.interrupts} interrupts · ${result.virtualMillis} ms`
    + ` · hash ${result.hash.toString(16).padStart(8, "0")}`
  return result.failure === undefined
    ? [`clean: seed ${seed} · tier ${tier} · scenario ${scenario}`, ...result.events.map(formatEvent), `  ${figures}`]
      .join("\n")
    : `${formatFailure(result.failure)}\n  ${figures}`
}

const sumOf = (outcomes: ReadonlyArray<Outcome>, field: "seeds" | "elapsedMillis"): number =>
  outcomes.reduce((total, outcome) => total + outcome[field], 0)
