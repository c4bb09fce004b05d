export interface Arguments {
  readonly suites: ReadonlyArray<string>
  readonly rounds: number
  readonly minMillis: number
  readonly quick: boolean
  readonly json: boolean
  readonly publish: boolean
  readonly help: boolean
}

export type Parsed = { readonly ok: true; readonly value: Arguments } | { readonly ok: false; readonly message: string }

const ROUNDS = { least: 3, most: 999, standard: 11, quick: 5 }
const MIN_MILLIS = { standard: 50, quick: 10 }
const FLAGS = "--rounds <n>, --quick, --json, --publish, --help"

export const usage = (suites: ReadonlyArray<string>): string =>
  [
    "Usage: npm run bench -- [suite …] [--rounds <n>] [--quick] [--json] [--publish]",
    "",
    `  suite         ${suites.join(", ")}; every one when none is named`,
    `  --rounds <n>  rounds that are measured, ${ROUNDS.least} to ${ROUNDS.most} (${ROUNDS.standard})`,
    `  --quick       a smoke run: ${ROUNDS.quick} short rounds; its figures decide nothing`,
    "  --json        print the results as JSON, one line for each suite, instead of the tables",
    "  --publish     write the figures to docs/benchmarks/<suite>.md as well",
    "",
    "Exits 0 when every target is met, 1 when one is missed, 2 when the command line is wrong."
  ].join("\n")

const parseRounds = (text: string | undefined): number | undefined => {
  const rounds = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN
  return rounds >= ROUNDS.least && rounds <= ROUNDS.most ? rounds : undefined
}

export const parseArguments = (args: ReadonlyArray<string>, available: ReadonlyArray<string>): Parsed => {
  const suites: Array<string> = []
  let rounds: number | undefined
  let quick = false
  let json = false
  let publish = false
  let help = false
  const rest = [...args]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const [flag, inline] = argument.startsWith("--") ? splitFlag(argument) : [undefined, undefined]
    if (flag === undefined && !argument.startsWith("-")) {
      if (!available.includes(argument)) {
        return refuse(`unknown suite "${argument}"; allowed: ${available.join(", ")}`)
      }
      if (!suites.includes(argument)) suites.push(argument)
    } else if (flag === "--rounds") {
      const text = inline ?? rest.shift()
      rounds = parseRounds(text)
      if (rounds === undefined) {
        const given = text === undefined ? "no value" : `"${text}"`
        return refuse(`--rounds: ${given} given; allowed: a whole number from ${ROUNDS.least} to ${ROUNDS.most}`)
      }
    } else if (flag === "--quick" || flag === "--json" || flag === "--publish" || flag === "--help") {
      if (inline !== undefined) return refuse(`${flag}: "${inline}" given; allowed: no value`)
      if (flag === "--quick") quick = true
      else if (flag === "--json") json = true
      else if (flag === "--publish") publish = true
      else help = true
    } else {
      return refuse(`unknown flag "${flag ?? argument}"; allowed: ${FLAGS}`)
    }
  }
  return {
    ok: true,
    value: {
      suites: suites.length === 0 ? available : suites,
      rounds: rounds ?? (quick ? ROUNDS.quick : ROUNDS.standard),
      minMillis: quick ? MIN_MILLIS.quick : MIN_MILLIS.standard,
      quick,
      json,
      publish,
      help
    }
  }
}

const splitFlag = (argument: string): readonly [string, string | undefined] => {
  const equals = argument.indexOf("=")
  return equals === -1 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)]
}

const refuse = (message: string): Parsed => ({ ok: false, message })
