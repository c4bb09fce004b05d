/** Tables of fields: settings by name, checked and decoded by the rule of each. PURE. */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { ConfigInvalid } from "../PoolError.ts"
import { kindOf } from "./kindOf.ts"
import { nearest } from "./nearest.ts"
import { argument, type Rule } from "./rules.ts"

/** One setting: what may be given, and what comes of it. */
export interface Field<out In, out Out> {
  /** the default; it obeys the rule */
  readonly preset: In
  readonly rule: Rule<Out>
  /** what it means, for whoever looks at the variables of the environment */
  readonly about: string
}

/** Some settings by name. */
export type Table = Readonly<Record<string, Field<unknown, unknown>>>

/** What may be given for a table's fields. */
export type Given<T extends Table> = {
  readonly [K in keyof T]: T[K] extends Field<infer In, unknown> ? In : never
}

/** What the rules make of a table's values. */
export type Decoded<T extends Table> = {
  readonly [K in keyof T]: T[K] extends Field<unknown, infer Out> ? Out : never
}

/** What was right, or what was wrong with it. */
export type Checked<A> = Either.Either<A, ConfigInvalid>

export const invalid = (field: string, value: unknown, allowed: string): Checked<never> =>
  Either.left(new ConfigInvalid({ field, value, allowed }))

export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What was really given: `undefined` means "as before". */
export const given = (options: object): Array<[name: string, value: unknown]> =>
  Object.entries(options).filter(([, value]) => value !== undefined)

// ---------------------------------------------------------------------------------------------------------------------
// Tables
// ---------------------------------------------------------------------------------------------------------------------

export const field = <A>(preset: NoInfer<A>, rule: Rule<A>, about: string): Field<A, A> => ({ preset, rule, about })

export const durationField = (
  preset: Duration.DurationInput,
  rule: Rule<number>,
  about: string
): Field<Duration.DurationInput, number> => ({ preset, rule, about })

export const namesOf = <T extends Table>(table: T): Array<keyof T & string> => Object.keys(table)

export const defaultsOf = <T extends Table>(table: T): Given<T> =>
  // the same names, each with the preset of its own field
  Object.fromEntries(Object.entries(table).map(([name, { preset }]) => [name, preset])) as Given<T>

export const presets = <T extends Table>(table: T): Decoded<T> =>
  // the same names, each with what the rule of its own field makes of it
  Object.fromEntries(
    Object.entries(table).map(([name, { preset, rule }]) => [name, argument(name, rule, preset)])
  ) as Decoded<T>

// ---------------------------------------------------------------------------------------------------------------------
// Values for a table
// ---------------------------------------------------------------------------------------------------------------------

/** Where the given values of a table come from. */
export interface Place {
  /** names that may be given as well, but are somebody else's: they are left alone, and are among the known ones */
  readonly besides?: ReadonlyArray<string> | undefined
  /** the option whose value this is, such as `breaker`: fields are then called `breaker.openFor` */
  readonly within?: string | undefined
}

export const decode = <T extends Table>(
  table: T,
  options: unknown,
  base: Decoded<T>,
  { besides = [], within }: Place = {}
): Checked<Decoded<T>> => {
  if (!isObject(options)) {
    const allowed = within === undefined ? "an object of options" : `an object with ${namesOf(table).join(", ")}`
    return invalid(within ?? "config", options, allowed)
  }
  const prefix = within === undefined ? "" : `${within}.`
  const decoded: Record<string, unknown> = { ...base }
  for (const [name, value] of given(options)) {
    const own = Object.hasOwn(table, name) ? table[name] : undefined
    if (own === undefined) {
      if (besides.includes(name)) continue
      return unknownField(prefix, name, value, [...namesOf(table), ...besides])
    }
    const out = own.rule.decode(value)
    if (out === undefined) return invalid(prefix + name, value, own.rule.allowed)
    decoded[name] = out
  }
  // it began as a whole `base`, and each value on top came from the rule of its own field
  return Either.right(decoded as Decoded<T>)
}

const unknownField = (prefix: string, name: string, value: unknown, names: ReadonlyArray<string>) => {
  const close = nearest(name, names)
  const hint = close === undefined ? "" : `; did you mean ${prefix}${close}?`
  // Nobody knows what it is, so it may be a secret: a key, beside a name that was mistyped.
  return invalid(prefix + name, kindOf(value), `the fields ${names.map((known) => prefix + known).join(", ")}${hint}`)
}
