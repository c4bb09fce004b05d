/**
 * Every limit and period of a pool. Each has one default, one rule for what is allowed and one variable in the
 * environment, all of them read off the one table in `internal/fields.ts`.
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import { environment } from "./internal/environment.ts"
import { breakerFields, hostFields, plainFields } from "./internal/fields.ts"
import { defaultsOf, namesOf } from "./internal/table.ts"

/** When the circuit breaker of an address opens, and how it recovers. */
export interface BreakerOptions {
  /** consecutive failures of the peer that open it; `Infinity` turns it off */
  readonly failures: number
  /** how long nothing is dialed then */
  readonly openFor: Duration.DurationInput
  /** how many connections may try the address at once after that */
  readonly probes: number
}

/** What may differ from host to host. */
export interface HostOptions {
  /** sockets of one host: connecting, open and closing together */
  readonly maxConnectionsPerHost: number
  readonly maxConnectingPerHost: number
  readonly maxIdlePerHost: number
  readonly maxWaitersPerHost: number
  /** whether a dial goes on, to an idle connection, when its caller has left and nobody else waits; if not, it is ended at once */
  readonly keepDials: boolean
  /** connections kept open without a lease; they are not evicted for being idle */
  readonly minIdle: number
  /** leases after which a connection is closed */
  readonly maxUses: number
  readonly acquireTimeout: Duration.DurationInput
  readonly resolveTimeout: Duration.DurationInput
  readonly connectTimeout: Duration.DurationInput
  /** a close that takes longer is given up: its permit is free again, and the connection counts as abandoned */
  readonly closeTimeout: Duration.DurationInput
  /** a dial without an answer for so long is raced by one to the next address */
  readonly raceDelay: Duration.DurationInput
  readonly idleTimeout: Duration.DurationInput
  readonly maxLifetime: Duration.DurationInput
  readonly healthCheckTimeout: Duration.DurationInput
  /** a lease held for longer is reported */
  readonly leakThreshold: Duration.DurationInput
  readonly breaker: Partial<BreakerOptions>
}

/** Every setting of a pool. A period of `Infinity` turns its loop off. */
export interface Options<in K = unknown> extends HostOptions {
  /** sockets of all hosts together */
  readonly maxConnections: number
  readonly maxIdle: number
  readonly maxHosts: number
  /** hosts whose addresses are being resolved at once */
  readonly maxResolving: number
  /** each lifetime is shortened or lengthened by up to this share, so that connections do not end together */
  readonly lifetimeJitter: number
  readonly healthCheckInterval: Duration.DurationInput
  readonly healthCheckConcurrency: number
  /** how often addresses are asked for; the time to live of an answer may only shorten it */
  readonly dnsRefreshInterval: Duration.DurationInput
  /** how long leases may go on once the pool is closing */
  readonly shutdownGrace: Duration.DurationInput
  /** events that a subscriber may be behind before it loses some */
  readonly eventBuffer: number
  /** the name of the pool in metrics and logs */
  readonly name: string
  /** what the names of metrics begin with */
  readonly metricsPrefix: string
  /** remember the stack of every acquire for the leak detector: some microseconds each */
  readonly leakStacks: boolean
  /** check the pool's invariants after every step, for tests: a broken one is a defect */
  readonly checkInvariants: boolean
  /** other settings for some hosts */
  readonly overrides?: ((key: K) => Partial<HostOptions>) | undefined
}

/**
 * The defaults.
 *
 * @example
 * import { PoolConfig } from "@watertight/pool"
 * import { Duration } from "effect"
 *
 * export const patient: Partial<PoolConfig.Options> = {
 *   acquireTimeout: Duration.times(PoolConfig.defaults.acquireTimeout, 2)
 * }
 */
export const defaults: Omit<Options, "overrides"> = {
  ...defaultsOf(plainFields),
  breaker: defaultsOf(breakerFields)
}

/** The names of all options of a pool, for an adapter that has options of its own beside them (see `Settings.split`). */
export const names: ReadonlyArray<keyof Options> = [...namesOf(plainFields), "breaker", "overrides"]

/** The names of all options that may differ from host to host (see `Settings.splitOverrides`). */
export const hostNames: ReadonlyArray<keyof HostOptions> = [...namesOf(hostFields), "breaker"]

// ---------------------------------------------------------------------------------------------------------------------
// The environment
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The same as `config` with a prefix of your own, for programs with more than one pool.
 *
 * @example
 * import { PoolConfig } from "@watertight/pool"
 *
 * // BILLING_IDLE_TIMEOUT and so on
 * export const billing = PoolConfig.configWithPrefix("BILLING")
 */
export const configWithPrefix = (prefix: string): Config.Config<Partial<Options>> =>
  Config.zipWith(
    environment(plainFields, prefix),
    environment(breakerFields, `${prefix}_BREAKER`),
    (options, breaker) => Object.keys(breaker).length === 0 ? options : { ...options, breaker }
  )

/**
 * Every setting besides `overrides` from the environment. The variables are called as the settings are, in upper snake
 * case after `WATERTIGHT_`: `WATERTIGHT_MAX_CONNECTIONS_PER_HOST=20`, `WATERTIGHT_IDLE_TIMEOUT="90 seconds"`,
 * `WATERTIGHT_BREAKER_FAILURES=Infinity`. What is not set is left out, so that defaults or other options hold; a wrong
 * value fails with the variable's name and what it may be. Durations are given as milliseconds.
 *
 * @example
 * import { PoolConfig } from "@watertight/pool"
 * import { Effect } from "effect"
 *
 * export const options = Effect.map(
 *   PoolConfig.config,
 *   (environment): Partial<PoolConfig.Options> => ({ maxConnectionsPerHost: 20, ...environment })
 * )
 */
export const config: Config.Config<Partial<Options>> = configWithPrefix("WATERTIGHT")
