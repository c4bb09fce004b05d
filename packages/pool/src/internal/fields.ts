/**
 * The one table of settings: the name, the default, the rule and the meaning of each. The defaults, the validation and
 * the variables of the environment are all read off it. PURE.
 */
import type * as Duration from "effect/Duration"
import { count, finite, finiteCount, finitePositive, flag, positive, type Rule, share, text } from "./rules.ts"

/** One setting: what may be given, and what the pool works with. */
export interface Field<out In, out Out> {
  readonly preset: In
  readonly rule: Rule<Out>
  readonly about: string
}

/** Some settings by name. */
export type Table = Readonly<Record<string, Field<unknown, unknown>>>

/** What the rules make of a table's values. */
export type Decoded<T extends Table> = {
  readonly [K in keyof T]: T[K] extends Field<unknown, infer Out> ? Out : never
}

const plain = <A>(preset: A, rule: Rule<A>, about: string): Field<A, A> => ({ preset, rule, about })

const period = (
  preset: Duration.DurationInput,
  rule: Rule<number>,
  about: string
): Field<Duration.DurationInput, number> => ({ preset, rule, about })

/** The settings inside `breaker`. */
export const breakerFields = {
  failures: plain(5, count(1), "consecutive failures of the peer that open the circuit breaker; Infinity: never"),
  openFor: period("30 seconds", finitePositive, "how long an open breaker lets nothing through"),
  probes: plain(1, finiteCount(1), "connections that may try the address at once after that")
}

/** The settings that may differ from host to host, besides `breaker`. */
export const hostFields = {
  maxConnectionsPerHost: plain(100, count(1), "sockets of one host: connecting, open and closing together"),
  maxConnectingPerHost: plain(32, count(1), "dials of one host at once"),
  maxIdlePerHost: plain(Infinity, count(0), "idle connections of one host"),
  maxWaitersPerHost: plain(1024, count(0), "callers that may wait for one host"),
  minIdle: plain(0, finiteCount(0), "connections of one host that are kept open without a lease"),
  maxUses: plain(Infinity, count(1), "leases after which a connection is closed"),
  acquireTimeout: period("30 seconds", positive, "how long a caller waits for a connection"),
  resolveTimeout: period("5 seconds", positive, "how long finding the addresses of a host may take"),
  connectTimeout: period("10 seconds", positive, "how long opening a connection may take"),
  closeTimeout: period("400 millis", finitePositive, "how long closing a connection may take before it is abandoned"),
  raceDelay: period("250 millis", positive, "how long one address may be silent before the next one is dialed as well"),
  idleTimeout: period("60 seconds", positive, "how long a connection stays open without a lease"),
  maxLifetime: period("10 minutes", positive, "how old a connection becomes"),
  healthCheckTimeout: period("5 seconds", finitePositive, "how long a check may take"),
  leakThreshold: period("60 seconds", positive, "how long a lease is held before it is reported")
}

/** The settings of the pool as a whole. */
export const poolFields = {
  maxConnections: plain(4096, count(1), "sockets of all hosts together"),
  maxIdle: plain(Infinity, count(0), "idle connections of all hosts together"),
  maxHosts: plain(1024, count(1), "hosts that the pool knows at once"),
  maxResolving: plain(64, count(1), "hosts whose addresses are being found at once"),
  lifetimeJitter: plain(0.1, share, "the share by which lifetimes differ, so that connections do not end together"),
  healthCheckInterval: period("10 seconds", positive, "how often idle connections are checked"),
  healthCheckConcurrency: plain(10, count(1), "checks at once"),
  dnsRefreshInterval: period("30 seconds", positive, "how often the addresses of a host are asked for"),
  shutdownGrace: period("500 millis", finite, "how long leases may go on once the pool is closing"),
  eventBuffer: plain(1024, finiteCount(1), "events that a subscriber may be behind before it loses some"),
  name: plain("pool", text, "the name of the pool in metrics and logs"),
  metricsPrefix: plain("http.client", text, "what the names of metrics begin with"),
  leakStacks: plain(false, flag, "whether the stack of every acquire is remembered for the leak detector"),
  checkInvariants: plain(false, flag, "whether the invariants of the pool are checked after every step")
}
