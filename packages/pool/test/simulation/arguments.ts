import type { Scenario } from "./scenario.ts"
import { type TierName, tierNames } from "./tiers.ts"

export interface Arguments {
  readonly scenarios: ReadonlyArray<Scenario>
  readonly tiers: ReadonlyArray<TierName>
  readonly seeds: number
  readonly firstSeed: number
  /** One seed to run again and look at. */
  readonly replay: number | undefined
  readonly exhaustive: boolean
  readonly json: boolean
  readonly help: boolean
}

export type Parsed = { readonly ok: true; readonly value: Arguments } | { readonly ok: false; readonly message: string }

const seedsStandard = 2000
const seedMax = 2 ** 31 - 1
const switches = ["--exhaustive", "--json", "--help"]
const valued = ["--seeds", "--from", "--seed", "--tier", "--scenario"]

export const usage = (scenarios: ReadonlyArray<Scenario>): string =>
  [
    "Usage: npm run simulate -- [--seeds <n>] [--from <n>] [--tier <name>] [--scenario <name>] [--exhaustive] [--json]",
    "       npm run simulate -- --seed <n> [--tier <name>] [--scenario <name>]",
    "",
    `  --seeds <n>        seeds a scenario and tier (${seedsStandard})`,
    "  --from <n>         the first of them (1)",
    "  --seed <n>         run one seed again and print its events",
    `  --tier <name>      ${tierNames.join(", ")}; may be repeated; all of them when none is named`,
    "  --scenario <name>  a scenario or a family of them; may be repeated; all of them when none is named:",
    ...scenarios.map(({ name }) => `                       ${name}`),
    "  --exhaustive       run every seed of the planted bugs too, for their detection rates",
    "  --json             print the result as JSON instead of the table",
    "",
    "Exits 0 when every invariant holds and every planted bug is found, 1 when not, 2 when the command line is wrong."
  ].join("\n")

export const parseArguments = (args: ReadonlyArray<string>, available: ReadonlyArray<Scenario>): Parsed => {
  const values = new Map<string, ReadonlyArray<string>>()
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [flag, inline] = splitFlag(argument)
    if (switches.includes(flag)) {
      if (inline !== undefined) return refuse(flag, inline, "no value")
      values.set(flag, [])
    } else if (valued.includes(flag)) {
      const value = inline ?? rest.shift()
      if (value === undefined || value.startsWith("--")) return refuse(flag, value, "a value after it")
      values.set(flag, [...(values.get(flag) ?? []), value])
    } else {
      return { ok: false, message: `unknown flag "${flag}"; allowed: ${[...valued, ...switches].join(", ")}` }
    }
  }
  return interpret(values, available)
}

const interpret = (values: ReadonlyMap<string, ReadonlyArray<string>>, available: ReadonlyArray<Scenario>): Parsed => {
  const numbers = { "--seeds": seedsStandard, "--from": 1, "--seed": 0 }
  for (const flag of ["--seeds", "--from", "--seed"] as const) {
    const given = values.get(flag)
    if (given === undefined) continue
    const number = given.length === 1 && /^\d+$/.test(given[0] ?? "") ? Number(given[0]) : 0
    if (number < 1 || number > seedMax) return refuse(flag, given.join(", "), `one whole number from 1 to ${seedMax}`)
    numbers[flag] = number
  }
  const tiers = values.get("--tier") ?? tierNames
  const wrongTier = tiers.find((tier) => !tierNames.some((name) => name === tier))
  if (wrongTier !== undefined) return refuse("--tier", wrongTier, tierNames.join(", "))

  const wanted = values.get("--scenario")
  const matches = (want: string, { name }: Scenario): boolean => name === want || name.startsWith(`${want}/`)
  const wrongScenario = wanted?.find((want) => !available.some((scenario) => matches(want, scenario)))
  if (wrongScenario !== undefined) {
    return refuse("--scenario", wrongScenario, available.map(({ name }) => name).join(", "))
  }
  return {
    ok: true,
    value: {
      scenarios: available.filter((scenario) => wanted?.some((want) => matches(want, scenario)) ?? true),
      tiers: tierNames.filter((tier) => tiers.includes(tier)),
      seeds: numbers["--seeds"],
      firstSeed: numbers["--from"],
      replay: values.has("--seed") ? numbers["--seed"] : undefined,
      exhaustive: values.has("--exhaustive"),
      json: values.has("--json"),
      help: values.has("--help")
    }
  }
}

const refuse = (flag: string, value: string | undefined, allowed: string): Parsed => ({
  ok: false,
  message: `${flag}: ${value === undefined ? "no value" : `"${value}"`} given; allowed: ${allowed}`
})

const splitFlag = (argument: string): readonly [string, string | undefined] => {
  const equals = argument.indexOf("=")
  return equals === -1 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)]
}
