/** What a setting may be: one rule per kind of value, for values in code and for texts from the environment. PURE. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { ConfigInvalid } from "../PoolError.ts"

/** How a value becomes an `Out`. An `Out` is itself allowed. */
export interface Rule<out Out> {
  /** what is allowed, in words */
  readonly allowed: string
  /** `undefined` when the value is not allowed */
  readonly decode: (value: unknown) => Out | undefined
  /** what a text from the environment stands for; it has yet to be decoded */
  readonly parse: (text: string) => unknown
}

// `Number("")` is zero, but a variable without a value is a mistake
const toNumber = (text: string): unknown => text.trim() === "" ? text : Number(text)

/** A whole number, or `Infinity` for no limit. */
export const count = (least: number): Rule<number> => ({
  allowed: `a whole number from ${least}, or Infinity`,
  parse: toNumber,
  decode: (value) =>
    typeof value === "number" && value >= least && (value === Infinity || Number.isInteger(value)) ? value : undefined
})

/** A whole number. */
export const finiteCount = (least: number): Rule<number> => ({
  allowed: `a whole number from ${least}`,
  parse: toNumber,
  decode: (value) => typeof value === "number" && value >= least && Number.isInteger(value) ? value : undefined
})

/** A part of one, but not all of it. */
export const share: Rule<number> = {
  allowed: "a number from 0 to below 1",
  parse: toNumber,
  decode: (value) => typeof value === "number" && value >= 0 && value < 1 ? value : undefined
}

/** A text that is not blank. */
export const text: Rule<string> = {
  allowed: "a text that is not blank",
  parse: (given) => given,
  decode: (value) => typeof value === "string" && value.trim() !== "" ? value : undefined
}

/** A path of a URL. Whitespace and control characters have no place in the first line of a request. */
export const path: Rule<string> = {
  allowed: "a path that begins with \"/\", without spaces and control characters",
  parse: (given) => given,
  decode: (value) => typeof value === "string" && /^\/[^\s\p{Cc}]*$/u.test(value) ? value : undefined
}

/** One of the given words or numbers, spelled as they are. */
export const oneOf = <const Literals extends readonly [string | number, ...ReadonlyArray<string | number>]>(
  ...literals: Literals
): Rule<Literals[number]> => ({
  allowed: literals.length === 1
    ? JSON.stringify(literals[0])
    : `one of ${literals.map((one) => JSON.stringify(one)).join(", ")}`,
  parse: (given) => literals.find((literal) => String(literal) === given.trim()),
  decode: (value) => literals.find((literal) => literal === value)
})

const flags = new Map([
  ...["true", "yes", "on", "1"].map((word) => [word, true] as const),
  ...["false", "no", "off", "0"].map((word) => [word, false] as const)
])

/** True or false; the environment may say it as Effect's own `Config.boolean` lets it. */
export const flag: Rule<boolean> = {
  allowed: "true or false",
  parse: (given) => flags.get(given.trim().toLowerCase()),
  decode: (value) => typeof value === "boolean" ? value : undefined
}

// Effect decodes NaN and negative durations to zero silently, wherever they are written, so they are caught before.
const negative = (value: unknown): boolean => {
  if (typeof value === "number") return !(value >= 0)
  if (typeof value === "bigint") return value < 0n
  if (typeof value === "string") return value.startsWith("-")
  return Array.isArray(value) && value.some(negative)
}

const millis = (value: unknown): number | undefined => {
  const bare = typeof value === "string" ? value.trim() : value
  if (bare === "Infinity") return Infinity
  // of all numbers the one that needs no unit
  if (bare === "0") return 0
  if (negative(bare)) return undefined
  return Option.getOrUndefined(Option.map(Duration.decodeUnknown(bare), Duration.toMillis))
}

const duration = (allowed: string, within: (ms: number) => boolean): Rule<number> => ({
  allowed,
  parse: (given) => given,
  decode: (value) => {
    const ms = millis(value)
    return ms !== undefined && within(ms) ? ms : undefined
  }
})

/** A period that can be switched off by making it infinite. Decodes to milliseconds, as all durations do. */
export const positive: Rule<number> = duration(
  "a duration above zero, such as \"10 seconds\", or Infinity",
  (ms) => ms > 0
)

/** A period that has to end. */
export const finitePositive: Rule<number> = duration(
  "a finite duration above zero, such as \"10 seconds\"",
  (ms) => ms > 0 && ms < Infinity
)

/** A period that has to end and may be none at all. */
export const finite: Rule<number> = duration(
  "a finite duration, such as \"500 millis\" or 0",
  (ms) => ms < Infinity
)

/** A period that may be none at all, or without end. */
export const period: Rule<number> = duration("a duration, such as \"2 seconds\", 0 or Infinity", () => true)

/** An argument of a call. A wrong one is a mistake in the program that makes the call, so it is a defect. */
export const argument = <Out>(field: string, rule: Rule<Out>, value: unknown): Out => {
  const decoded = rule.decode(value)
  if (decoded === undefined) throw new ConfigInvalid({ field, value, allowed: rule.allowed })
  return decoded
}
