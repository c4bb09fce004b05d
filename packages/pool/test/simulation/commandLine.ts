import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { type Arguments, parseArguments, usage } from "./arguments.ts"
import { plantedSeedsMax, runCampaign, runSeed } from "./campaign.ts"
import { formatFailures, formatReplay, formatSummary, formatTable, toJson } from "./report.ts"
import type { Scenario } from "./scenario.ts"
import type { TierName } from "./tiers.ts"

const root = fileURLToPath(new URL("../../../../", import.meta.url))
const progressMillis = 100

/** Does what the command line says with these scenarios, and gives the exit code. */
export const runCommandLine = (args: ReadonlyArray<string>, scenarios: ReadonlyArray<Scenario>): number => {
  const parsed = parseArguments(args, scenarios)
  if (!parsed.ok) {
    console.error(`${parsed.message}\n\n${usage(scenarios)}`)
    return 2
  }
  if (parsed.value.help) {
    console.log(usage(scenarios))
    return 0
  }
  const { replay } = parsed.value
  return replay === undefined ? campaign(parsed.value) : replaySeed(parsed.value, replay)
}

const campaign = (plan: Arguments): number => {
  const startedAt = new Date()
  const progress = progressLine(plan)
  const result = runCampaign(plan, progress.show)
  progress.clear()
  const json = JSON.stringify(toJson(result, plan, startedAt), null, 2)
  const file = Path.join("bench", "results", `simulate-${startedAt.toISOString().replaceAll(":", "-")}.json`)
  FileSystem.mkdirSync(Path.dirname(Path.join(root, file)), { recursive: true })
  FileSystem.writeFileSync(Path.join(root, file), `${json}\n`)
  if (plan.json) {
    console.log(json)
  } else {
    console.log([formatTable(result, plan.tiers), "", ...formatFailures(result)].join("\n"))
    console.log(formatSummary(result, file))
  }
  return result.ok ? 0 : 1
}

/** Fails as a campaign would: when a clean scenario fails, or when a planted bug does not show. */
const replaySeed = (plan: Arguments, seed: number): number => {
  let asExpected = true
  for (const scenario of plan.scenarios) {
    for (const tier of plan.tiers) {
      const eventsKept = 10_000
      const result = runSeed({ ...scenario, options: { ...scenario.options, eventsKept } }, tier, seed)
      console.log(formatReplay(scenario.name, tier, seed, result))
      asExpected &&= scenario.planted === undefined
        ? result.ok
        : scenario.planted.test(result.failure?.detail ?? "")
    }
  }
  return asExpected ? 0 : 1
}

/** A line that is rewritten in place, for people only. */
const progressLine = (plan: Arguments) => {
  const shown = process.stderr.isTTY
  let lastAt = 0
  return {
    show: (scenario: Scenario, tier: TierName, seedsDone: number): void => {
      if (!shown || performance.now() - lastAt < progressMillis) return
      lastAt = performance.now()
      const seeds = scenario.planted === undefined || plan.exhaustive
        ? plan.seeds
        : Math.min(plan.seeds, plantedSeedsMax)
      process.stderr.write(`\r\u001b[K${scenario.name} · ${tier} · ${seedsDone}/${seeds} seeds`)
    },
    clear: (): void => {
      if (shown) process.stderr.write("\r\u001b[K")
    }
  }
}
