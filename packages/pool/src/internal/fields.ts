/**
 * The one table of the pool's settings: the name, the default, the rule and the meaning of each. The defaults, the
 * validation and the variables of the environment are all read off it. PURE.
 */
import { count, finite, finiteCount, finitePositive, flag, positive, share, text } from "./rules.ts"
import { durationField, field } from "./table.ts"

/** The settings inside `breaker`. */
export const breakerFields = {
  failures: field(5, count(1), "consecutive failures of the peer that open the circuit breaker; Infinity: never"),
  openFor: durationField("30 seconds", finitePositive, "how long an open breaker lets nothing through"),
  probes: field(1, finiteCount(1), "connections that may try the address at once after that")
}

/** The settings that may differ from host to host, besides `breaker`. */
export const hostFields = {
  maxConnectionsPerHost: field(100, count(1), "sockets of one host: connecting, open and closing together"),
  maxConnectingPerHost: field(32, count(1), "dials of one host at once"),
  maxIdlePerHost: field(Infinity, count(0), "idle connections of one host"),
  maxWaitersPerHost: field(1024, count(0), "callers that may wait for one host"),
  keepDials: field(true, flag, "whether a dial goes on when its caller has left and nobody else waits"),
  minIdle: field(0, finiteCount(0), "connections of one host that are kept open without a lease"),
  maxUses: field(Infinity, count(1), "leases after which a connection is closed"),
  acquireTimeout: durationField("30 seconds", positive, "how long a caller waits for a connection"),
  resolveTimeout: durationField("5 seconds", positive, "how long finding the addresses of a host may take"),
  connectTimeout: durationField("10 seconds", positive, "how long opening a connection may take"),
  closeTimeout: durationField(
    "400 millis",
    finitePositive,
    "how long closing a connection may take before it is abandoned"
  ),
  raceDelay: durationField(
    "250 millis",
    positive,
    "how long one address may be silent before the next one is dialed as well"
  ),
  idleTimeout: durationField("60 seconds", positive, "how long a connection stays open without a lease"),
  maxLifetime: durationField("10 minutes", positive, "how old a connection becomes"),
  healthCheckTimeout: durationField("5 seconds", finitePositive, "how long a check may take"),
  leakThreshold: durationField("60 seconds", positive, "how long a lease is held before it is reported")
}

/** The settings of the pool as a whole. */
export const poolFields = {
  maxConnections: field(4096, count(1), "sockets of all hosts together"),
  maxIdle: field(Infinity, count(0), "idle connections of all hosts together"),
  maxHosts: field(1024, count(1), "hosts that the pool knows at once"),
  maxResolving: field(64, count(1), "hosts whose addresses are being found at once"),
  lifetimeJitter: field(0.1, share, "the share by which lifetimes differ, so that connections do not end together"),
  healthCheckInterval: durationField("10 seconds", positive, "how often idle connections are checked"),
  healthCheckConcurrency: field(10, count(1), "checks at once"),
  dnsRefreshInterval: durationField("30 seconds", positive, "how often the addresses of a host are asked for"),
  shutdownGrace: durationField("500 millis", finite, "how long leases may go on once the pool is closing"),
  eventBuffer: field(1024, finiteCount(1), "events that a subscriber may be behind before it loses some"),
  name: field("pool", text, "the name of the pool in metrics and logs"),
  metricsPrefix: field("http.client", text, "what the names of metrics begin with"),
  leakStacks: field(false, flag, "whether the stack of every acquire is remembered for the leak detector"),
  checkInvariants: field(false, flag, "whether the invariants of the pool are checked after every step")
}

/** Every field that is no group of fields. */
export const plainFields = { ...hostFields, ...poolFields }
