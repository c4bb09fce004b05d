/** Settings: options checked and decoded by the table of fields, and checked against each other. PURE. */
import * as Either from "effect/Either"
import type { HostOptions, Options } from "../PoolConfig.ts"
import { breakerFields, hostFields, plainFields } from "./fields.ts"
import { overrideAllowed } from "./split.ts"
import { type Checked, decode, given, invalid, isObject, presets } from "./table.ts"

/** The settings of one host, in milliseconds. */
export interface HostSettings {
  readonly maxConnectionsPerHost: number
  readonly maxConnectingPerHost: number
  readonly maxIdlePerHost: number
  readonly maxWaitersPerHost: number
  readonly keepDials: boolean
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

const defaults: Settings = { ...presets(plainFields), breaker: presets(breakerFields) }

const breakerOf = (value: unknown, base: HostSettings["breaker"]): Checked<HostSettings["breaker"]> =>
  value === undefined ? Either.right(base) : decode(breakerFields, value, base, { within: "breaker" })

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
  const { breaker, overrides } = options
  if (overrides !== undefined && typeof overrides !== "function") {
    return invalid("overrides", overrides, "a function from a key to the options of its host")
  }
  return Either.flatMap(
    decode(plainFields, options, defaults, { besides: ["breaker", "overrides"] }),
    (decoded) =>
      Either.flatMap(
        breakerOf(breaker, defaults.breaker),
        (decodedBreaker) => consistent({ ...decoded, breaker: decodedBreaker }, options)
      )
  )
}

/** The settings of one host: the pool's, with the overrides of that host on top. */
export const overridden = (settings: Settings, override: Partial<HostOptions>): Checked<HostSettings> => {
  if (!isObject(override)) return invalid("overrides", override, overrideAllowed)
  return Either.flatMap(
    decode(hostFields, override, settings, { besides: ["breaker"] }),
    (decoded) =>
      Either.flatMap(
        breakerOf(override.breaker, settings.breaker),
        (decodedBreaker) => consistent({ ...settings, ...decoded, breaker: decodedBreaker }, override)
      )
  )
}
