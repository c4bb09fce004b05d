/**
 * Settings of one's own, as the pool has them: a table says the name, the default, the rule and the meaning of each, and
 * every wrong value, in code or in the environment, is refused with its field, itself and what is allowed. For adapters,
 * whose options are the pool's and their own in one object.
 */
export {
  /**
   * Reads a table from the environment. The variables are called as the fields are, in upper snake case after the prefix:
   * `retryAfter` of `GATEWAY` is `GATEWAY_RETRY_AFTER`. What is not set is left out; a wrong value fails with the variable's
   * name and what it may be. The same prefix as the pool's may be used: the two sets of names do not overlap.
   *
   * @example
   * import { PoolConfig, Settings } from "@watertight/pool"
   * import { Config } from "effect"
   *
   * const table = { retries: Settings.field(2, Settings.finiteCount(0), "how often a request is sent again") }
   *
   * // GATEWAY_RETRIES beside GATEWAY_IDLE_TIMEOUT and so on
   * export const config = Config.zipWith(
   *   PoolConfig.configWithPrefix("GATEWAY"),
   *   Settings.environment(table, "GATEWAY"),
   *   (pool, own) => ({ ...pool, ...own })
   * )
   */
  environment
} from "./internal/environment.ts"
export {
  /** What a value is, without the value: for errors about what may be a secret. */
  kindOf
} from "./internal/kindOf.ts"
export {
  /** Decodes an argument of a call, or throws `ConfigInvalid`: a wrong one is a mistake in the program that calls. */
  argument,
  /** The rule of a whole number from the given one up, or `Infinity` for no limit. */
  count,
  /** The rule of a period that has to end and may be none at all. Like all periods, it decodes to milliseconds. */
  finite,
  /** The rule of a whole number from the given one up. */
  finiteCount,
  /** The rule of a period that has to end. */
  finitePositive,
  /** The rule of what is true or false; the environment may say yes, no, on, off, 1 and 0 as well. */
  flag,
  /** The rule of one out of some words or numbers. */
  oneOf,
  /** The rule of a path of a URL: it begins with a slash, and has no whitespace or control characters. */
  path,
  /** The rule of any period: it may be none at all, or without end. */
  period,
  /** The rule of a period that can be switched off by making it infinite. */
  positive,
  /**
   * What a setting may be: in words, from a value in code, and from a text in the environment. A rule has to accept what it
   * makes of a value, since settings are options that mean themselves. No rule decodes to `undefined`, which says "not allowed".
   */
  type Rule,
  /** The rule of a number from 0 to below 1. */
  share,
  /** The rule of a text that is not blank. */
  text
} from "./internal/rules.ts"
export {
  /**
   * Takes the fields of a table out of options that are also the pool's (or somebody else's, whose names are given), and
   * decodes them on a base. The rest is as it was given. A field that is in neither set is refused with the names of both,
   * and with the closest of them. A name that is in both sets is taken out.
   *
   * @example
   * import { ConnectionPool, type Connector, PoolConfig, Settings } from "@watertight/pool"
   * import { Effect } from "effect"
   *
   * const table = {
   *   healthPath: Settings.field("/", Settings.path, "what a check asks for"),
   *   headersTimeout: Settings.durationField("30 seconds", Settings.positive, "how long an answer may take to begin")
   * }
   *
   * type Options = Omit<PoolConfig.Options<string>, "overrides"> & Settings.Given<typeof table>
   *
   * declare const connectorOf: (settings: Settings.Decoded<typeof table>) => Connector.Connector<string, "connection">
   *
   * export const make = (options: Partial<Options>) =>
   *   Effect.gen(function*() {
   *     const [own, config] = yield* Settings.split(table, options, Settings.presets(table), PoolConfig.names)
   *     return yield* ConnectionPool.make({ connector: connectorOf(own), config })
   *   })
   */
  split,
  /** Overrides of hosts, in two: the adapter's own settings by host, and what is left for the pool. */
  type SplitOverrides,
  /**
   * The same for the overrides of hosts. `own` gives the settings of one host; `rest` is for the pool, and throws the
   * `ConfigInvalid` of a host whose overrides are wrong: a defect of whoever asks for that host, as with the pool's own. Each
   * call asks the given function and decodes, so keep what is needed often.
   *
   * @example
   * import { PoolConfig, Settings } from "@watertight/pool"
   *
   * const table = { healthPath: Settings.field("/", Settings.path, "what a check asks for") }
   *
   * type HostOptions = PoolConfig.HostOptions & Settings.Given<typeof table>
   *
   * export const hosts = Settings.splitOverrides(
   *   table,
   *   (key: string): Partial<HostOptions> => key === "billing" ? { healthPath: "/ready", maxUses: 1 } : {},
   *   Settings.presets(table),
   *   PoolConfig.hostNames
   * )
   *
   * export const config: Partial<PoolConfig.Options<string>> = { overrides: hosts.rest }
   */
  splitOverrides
} from "./internal/split.ts"
export {
  /** What was right, or the `ConfigInvalid` that says what was wrong. It can be yielded as an effect. */
  type Checked,
  /**
   * Decodes the given values on a base, which holds for what is not given. The field of an error is called after the place
   * of the values, if there is one: `breaker.openFor`.
   *
   * @example
   * import { Settings } from "@watertight/pool"
   *
   * const table = {
   *   scheme: Settings.field("https", Settings.oneOf("http", "https"), "what is spoken"),
   *   maxBody: Settings.field(Infinity, Settings.count(0), "bytes of an answer's body")
   * }
   *
   * // Left: maxBdy: 5 is not allowed; allowed: the fields scheme, maxBody; did you mean maxBody?
   * export const settings = Settings.decode(table, { maxBdy: 5 }, Settings.presets(table))
   */
  decode,
  /** What the rules make of a table's values: what a program works with. */
  type Decoded,
  /** The defaults of a table as they are written there, to be shown to users. */
  defaultsOf,
  /** Makes a field whose values are durations, and decode to milliseconds. */
  durationField,
  /** One setting: its default, its rule, and its meaning in words. */
  type Field,
  /** Makes a field whose values mean themselves. */
  field,
  /** What may be given for a table's fields: the type of options. */
  type Given,
  /** The names of a table's fields. */
  namesOf,
  /** Where values come from: the option that holds them, and who else's names may be among them. */
  type Place,
  /** The defaults of a table, decoded. One that breaks its own rule throws `ConfigInvalid`. */
  presets,
  /** Some settings by name. */
  type Table
} from "./internal/table.ts"
