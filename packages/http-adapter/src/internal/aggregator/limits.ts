/** What a call may ask for, checked. A wrong option is a mistake in the program: a defect that carries `ConfigInvalid`. */
import { PoolError, Settings } from "@watertight/pool"

/** As the work needs it; durations in milliseconds. */
export interface Limits {
  readonly deadline: number
  readonly timeout: number
  readonly concurrency: number
  readonly failFast: boolean
  readonly grace: number
  readonly buffer: number
  readonly onProgress: ((progress: never) => unknown) | undefined
}

const concurrency: Settings.Rule<number> = {
  allowed: "a whole number from 1, or \"unbounded\"",
  parse: (text) => text,
  decode: (value) => value === "unbounded" ? Infinity : Settings.count(1).decode(value)
}

const callback: Settings.Rule<(progress: never) => unknown> = {
  allowed: "a function",
  parse: () => undefined,
  decode: (value) => typeof value === "function" ? value as (progress: never) => unknown : undefined // and no more can be seen of one
}

const rules = {
  deadline: Settings.period,
  timeout: Settings.positive,
  concurrency,
  failFast: Settings.flag,
  grace: Settings.period,
  buffer: Settings.finiteCount(0),
  onProgress: callback
} satisfies { readonly [K in keyof Limits]: Settings.Rule<unknown> }

const none: Limits = {
  deadline: Infinity,
  timeout: Infinity,
  concurrency: Infinity,
  failFast: false,
  grace: 0,
  buffer: 16,
  onProgress: undefined
}

type Preset = Partial<Limits>

/** The options that one of the functions knows, with its own defaults. */
export const decoder = (names: ReadonlyArray<keyof Limits>, preset: Preset) => {
  const base: Limits = { ...none, ...preset }
  const unknown: Settings.Rule<undefined> = {
    allowed: `the options ${names.join(", ")}`,
    parse: () => undefined,
    decode: () => undefined
  }
  return (options: unknown): Limits => {
    if (options === undefined) return base
    if (typeof options !== "object" || options === null) {
      throw new PoolError.ConfigInvalid({
        field: "options",
        value: options,
        allowed: `an object with ${names.join(", ")}`
      })
    }
    const decoded: Record<string, unknown> = { ...base }
    for (const [name, value] of Object.entries(options)) {
      if (value === undefined) continue
      const known = names.find((one) => one === name)
      decoded[name] = known === undefined
        ? Settings.argument(name, unknown, Settings.kindOf(value))
        : Settings.argument<unknown>(name, rules[known], value)
    }
    // it began as a whole one, and each value on top came from the rule of its own name
    return decoded as unknown as Limits
  }
}
