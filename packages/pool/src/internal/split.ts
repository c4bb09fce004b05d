/** Options of two tables in one object: an adapter takes its own out, and hands the rest to the pool. PURE. */
import * as Either from "effect/Either"
import { type Checked, decode, type Decoded, invalid, isObject, type Table } from "./table.ts"

export const overrideAllowed = "a function that returns an object of options"

export const split = <T extends Table, O extends object>(
  table: T,
  options: O,
  base: Decoded<T>,
  besides: ReadonlyArray<string>
): Checked<readonly [own: Decoded<T>, rest: Omit<O, keyof T>]> =>
  Either.map(decode(table, options, base, { besides }), (own) => [own, without(table, options)] as const)

// An explicit `undefined` stays: to `reconfigure` it is a change.
const without = <T extends Table, O extends object>(table: T, options: O): Omit<O, keyof T> =>
  // the same entries besides those that `Omit` takes away
  Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(table, name))) as Omit<O, keyof T>

/** The overrides of hosts, in two. */
export interface SplitOverrides<in K, out Own, out Rest> {
  /** the adapter's own settings of one host */
  readonly own: (key: K) => Checked<Own>
  /** what is left for the pool; it throws the `ConfigInvalid` of a host whose overrides are wrong */
  readonly rest: ((key: K) => Rest) | undefined
}

export const splitOverrides = <T extends Table, K, O extends object>(
  table: T,
  overrides: ((key: K) => O) | undefined,
  base: Decoded<T>,
  besides: ReadonlyArray<string>
): SplitOverrides<K, Decoded<T>, Omit<O, keyof T>> => {
  // What is no function is the pool's to refuse, as it would be without an adapter.
  if (typeof overrides !== "function") return { own: () => Either.right(base), rest: overrides }
  const both = (key: K) => {
    // somebody without a compiler may return nothing, which the pool takes for no overrides
    const options: O | null | undefined = overrides(key)
    if (options === undefined || options === null) return split(table, {} as O, base, besides)
    return isObject(options) ? split(table, options, base, besides) : invalid("overrides", options, overrideAllowed)
  }
  return {
    own: (key) => Either.map(both(key), ([own]) => own),
    rest: (key) => Either.getOrThrowWith(both(key), (error) => error)[1]
  }
}
