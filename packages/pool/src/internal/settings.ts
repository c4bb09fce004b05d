/** Settings: options checked and decoded by the table of fields, and checked against each other. PURE. */
import * as Either from "effect/Either"
import type { HostOptions, Options } from "../PoolConfig.ts"
import { ConfigInvalid } from "../PoolError.ts"
import { breakerFields, type Decoded, hostFields, poolFields, type Table } from "./fields.ts"
import { nearest } from "./nearest.ts"

/** The settings of one host, in milliseconds. */
export interface HostSettings {
  readonly maxConnectionsPerHost: number
  readonly maxConnectingPerHost: number
  readonly maxIdlePerHost: number
  readonly maxWaitersPerHost: number
  readonly minIdle: number
  readonly maxUses: number
  readonly acquireTimeout: number
  readonly resolveTimeout: number
  readonly connectTimeout: number
  readonly closeTimeout: number
  readonly raceDelay: number
  readonly idleTimeout: number
  readonly maxLifetime: number
  readonly healthCheckTimeout: number
  readonly leakThreshold: number
  readonly breaker: { readonly failures: number; readonly openFor: number; readonly probes: number }
}

/** All settings, checked, in milliseconds. */
export interface Settings extends HostSettings {
  readonly maxConnections: number
  readonly maxIdle: number
  readonly maxHosts: number
  readonly maxResolving: number
  readonly lifetimeJitter: number
  readonly healthCheckInterval: number
  readonly healthCheckConcurrency: number
  readonly dnsRefreshInterval: number
  readonly shutdownGrace: number
  readonly eventBuffer: number
  readonly name: string
  readonly metricsPrefix: string
  readonly leakStacks: boolean
  readonly checkInvariants: boolean
}

type Checked<A> = Either.Either<A, ConfigInvalid>

const invalid = (field: string, value: unknown, allowed: string): Either.Either<never, ConfigInvalid> =>
  Either.left(new ConfigInvalid({ field, value, allowed }))

// ---------------------------------------------------------------------------------------------------------------------
// Each field by itself
// ---------------------------------------------------------------------------------------------------------------------

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What was really given: `undefined` means "as before". */
const given = (options: object): Array<[name: string, value: unknown]> =>
  Object.entries(options).filter(([, value]) => value !== undefined)

/** `base` with the given values on top; `also` are names that are known, but no fields of this table. */
const decode = <T extends Table>(
  table: T,
  values: ReadonlyArray<[name: string, value: unknown]>,
  base: Decoded<T>,
  also: ReadonlyArray<string>,
  prefix = ""
): Checked<Decoded<T>> => {
  const decoded: Record<string, unknown> = { ...base }
  for (const [name, value] of values) {
    const field = Object.hasOwn(table, name) ? table[name] : undefined
    if (field === undefined) return unknownField(prefix, name, value, [...Object.keys(table), ...also])
    const out = field.rule.decode(value)
    if (out === undefined) return invalid(prefix + name, value, field.rule.allowed)
    decoded[name] = out
  }
  // it began as a whole `base`, and each value on top came from the rule of its own field
  return Either.right(decoded as Decoded<T>)
}

const unknownField = (prefix: string, name: string, value: unknown, names: ReadonlyArray<string>) => {
  const close = nearest(name, names)
  const hint = close === undefined ? "" : `; did you mean ${prefix}${close}?`
  return invalid(prefix + name, value, `the fields ${names.map((known) => prefix + known).join(", ")}${hint}`)
}

const breakerOf = (value: unknown, base: HostSettings["breaker"]): Checked<HostSettings["breaker"]> => {
  if (value === undefined) return Either.right(base)
  if (!isObject(value)) return invalid("breaker", value, `an object with ${Object.keys(breakerFields).join(", ")}`)
  return decode(breakerFields, given(value), base, [], "breaker.")
}

const presetsOf = <T extends Table>(table: T): Decoded<T> =>
  // every preset obeys its own rule, which a test holds on to
  Object.fromEntries(Object.entries(table).map(([name, field]) => [name, field.rule.decode(field.preset)])) as Decoded<
    T
  >

const allButBreaker = { ...hostFields, ...poolFields }
const presets: Settings = { ...presetsOf(allButBreaker), breaker: presetsOf(breakerFields) }

// ---------------------------------------------------------------------------------------------------------------------
// The fields against each other
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Where one limit lies within another, the smaller one holds, and a default never gets in anybody's way. Only somebody
 * who gave both must have meant something else. (More dials at once than connections contradicts nothing: the cap on
 * dials may stay where it is while the limit is lowered at run time.) `Infinity` says "no limit of its own", so it contradicts nothing.
 */
const within = [
  ["maxConnectionsPerHost", "maxConnections"],
  ["maxIdlePerHost", "maxIdle"]
] as const

/** A floor above any of its ceilings can never be reached, whoever set them. */
const ceilings = ["maxConnectionsPerHost", "maxIdlePerHost", "maxConnections", "maxIdle"] as const

const consistent = <S extends Settings>(settings: S, explicit: object): Checked<S> => {
  const wasGiven = (name: string) => given(explicit).some(([known]) => known === name)
  for (const ceiling of ceilings) {
    if (settings.minIdle > settings[ceiling]) {
      return invalid("minIdle", settings.minIdle, `at most ${settings[ceiling]}, which is ${ceiling}`)
    }
  }
  for (const [inner, outer] of within) {
    const value = settings[inner]
    if (value > settings[outer] && value < Infinity && wasGiven(inner) && wasGiven(outer)) {
      return invalid(inner, value, `at most ${settings[outer]}, which is ${outer}`)
    }
  }
  return Either.right(settings)
}

// ---------------------------------------------------------------------------------------------------------------------

// `never` is what any key can be used as, so the options of every pool fit
type AnyOptions = Partial<Options<never>>

/** The settings that these options stand for; what is not given has its default. */
export const resolve = (options: AnyOptions): Checked<Settings> => {
  if (!isObject(options)) return invalid("config", options, "an object of options")
  const { breaker, overrides, ...rest } = options
  if (overrides !== undefined && typeof overrides !== "function") {
    return invalid("overrides", overrides, "a function from a key to the options of its host")
  }
  return Either.flatMap(
    decode(allButBreaker, given(rest), presets, ["breaker", "overrides"]),
    (decoded) =>
      Either.flatMap(
        breakerOf(breaker, presets.breaker),
        (decodedBreaker) => consistent({ ...decoded, breaker: decodedBreaker }, options)
      )
  )
}

/** The settings of one host: the pool's, with the overrides of that host on top. */
export const overridden = (settings: Settings, override: Partial<HostOptions>): Checked<HostSettings> => {
  if (!isObject(override)) return invalid("overrides", override, "a function that returns an object of options")
  const { breaker, ...rest } = override
  return Either.flatMap(
    decode(hostFields, given(rest), settings, ["breaker"]),
    (decoded) =>
      Either.flatMap(
        breakerOf(breaker, settings.breaker),
        (decodedBreaker) => consistent({ ...settings, ...decoded, breaker: decodedBreaker }, override)
      )
  )
}
