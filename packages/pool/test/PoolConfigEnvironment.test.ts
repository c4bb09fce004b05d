import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { resolve } from "../src/internal/settings.ts"
import * as PoolConfig from "../src/PoolConfig.ts"

describe("PoolConfig.config", () => {
  const read = (variables: Record<string, string>, config = PoolConfig.config) =>
    Effect.withConfigProvider(
      config,
      ConfigProvider.fromMap(new Map(Object.entries(variables)), { pathDelim: "_" })
    )

  it.effect("is empty by default", () =>
    Effect.map(read({ OTHER: "1" }), (options) => assert.deepStrictEqual(options, {})))

  it.effect("sets every field but overrides", () =>
    Effect.gen(function*() {
      const options = yield* read({
        WATERTIGHT_MAX_CONNECTIONS_PER_HOST: "11",
        WATERTIGHT_MAX_CONNECTIONS: "Infinity",
        WATERTIGHT_MAX_CONNECTING_PER_HOST: "12",
        WATERTIGHT_MAX_IDLE_PER_HOST: "13",
        WATERTIGHT_MAX_IDLE: "14",
        WATERTIGHT_MAX_HOSTS: "15",
        WATERTIGHT_MAX_WAITERS_PER_HOST: "16",
        WATERTIGHT_MAX_RESOLVING: "17",
        WATERTIGHT_KEEP_DIALS: "no",
        WATERTIGHT_MIN_IDLE: "18",
        WATERTIGHT_MAX_USES: "19",
        WATERTIGHT_ACQUIRE_TIMEOUT: "20 seconds",
        WATERTIGHT_RESOLVE_TIMEOUT: "21 millis",
        WATERTIGHT_CONNECT_TIMEOUT: "22 millis",
        WATERTIGHT_CLOSE_TIMEOUT: "23 millis",
        WATERTIGHT_RACE_DELAY: "24 millis",
        WATERTIGHT_IDLE_TIMEOUT: "1.5 minutes",
        WATERTIGHT_MAX_LIFETIME: "Infinity",
        WATERTIGHT_LIFETIME_JITTER: "0.25",
        WATERTIGHT_HEALTH_CHECK_INTERVAL: "26 millis",
        WATERTIGHT_HEALTH_CHECK_TIMEOUT: "27 millis",
        WATERTIGHT_HEALTH_CHECK_CONCURRENCY: "28",
        WATERTIGHT_DNS_REFRESH_INTERVAL: "29 millis",
        WATERTIGHT_SHUTDOWN_GRACE: "0 seconds",
        WATERTIGHT_LEAK_THRESHOLD: "31 millis",
        WATERTIGHT_BREAKER_FAILURES: "Infinity",
        WATERTIGHT_BREAKER_OPEN_FOR: "32 millis",
        WATERTIGHT_BREAKER_PROBES: "33",
        WATERTIGHT_EVENT_BUFFER: "34",
        WATERTIGHT_NAME: "billing, one",
        WATERTIGHT_METRICS_PREFIX: "db",
        WATERTIGHT_LEAK_STACKS: "on",
        WATERTIGHT_CHECK_INVARIANTS: "TRUE"
      })
      assert.deepStrictEqual(options, {
        maxConnectionsPerHost: 11,
        maxConnections: Infinity,
        maxConnectingPerHost: 12,
        maxIdlePerHost: 13,
        maxIdle: 14,
        maxHosts: 15,
        maxWaitersPerHost: 16,
        maxResolving: 17,
        keepDials: false,
        minIdle: 18,
        maxUses: 19,
        acquireTimeout: 20_000,
        resolveTimeout: 21,
        connectTimeout: 22,
        closeTimeout: 23,
        raceDelay: 24,
        idleTimeout: 90_000,
        maxLifetime: Infinity,
        lifetimeJitter: 0.25,
        healthCheckInterval: 26,
        healthCheckTimeout: 27,
        healthCheckConcurrency: 28,
        dnsRefreshInterval: 29,
        shutdownGrace: 0,
        leakThreshold: 31,
        breaker: { failures: Infinity, openFor: 32, probes: 33 },
        eventBuffer: 34,
        name: "billing, one",
        metricsPrefix: "db",
        leakStacks: true,
        checkInvariants: true
      })
      assert.sameMembers(Object.keys(options), Object.keys(PoolConfig.defaults))
    }))

  it.effect("leaves out of breaker what is not set", () =>
    Effect.gen(function*() {
      const options = yield* read({ WATERTIGHT_BREAKER_PROBES: "2" })
      assert.deepStrictEqual(options, { breaker: { probes: 2 } })
      assert.deepStrictEqual(Either.getOrThrow(resolve(options)).breaker, { failures: 5, openFor: 30_000, probes: 2 })
    }))

  it.effect.each<readonly [name: string, value: string]>([
    ["WATERTIGHT_IDLE_TIMEOUT", "-5 seconds"],
    ["WATERTIGHT_IDLE_TIMEOUT", "500"],
    ["WATERTIGHT_BREAKER_OPEN_FOR", "Infinity"],
    ["WATERTIGHT_MAX_IDLE", ""],
    ["WATERTIGHT_MAX_HOSTS", "many"],
    ["WATERTIGHT_LEAK_STACKS", "perhaps"],
    ["WATERTIGHT_NAME", " "]
  ])("%s=%s is refused by the variable's name", ([name, value]) =>
    Effect.gen(function*() {
      const error = String(yield* Effect.flip(read({ [name]: value })))
      assert.include(error, name)
      assert.include(error, JSON.stringify(value))
      assert.include(error, "allowed:")
    }))

  it.effect("names every wrong variable", () =>
    Effect.gen(function*() {
      const error = String(yield* Effect.flip(read({ WATERTIGHT_MAX_IDLE: "-1", WATERTIGHT_BREAKER_PROBES: "0" })))
      assert.include(error, "WATERTIGHT_MAX_IDLE")
      assert.include(error, "WATERTIGHT_BREAKER_PROBES")
    }))

  it.effect("has a prefix of its own for a second pool", () =>
    Effect.gen(function*() {
      const variables = { WATERTIGHT_MAX_IDLE: "1", BILLING_MAX_IDLE: "2" }
      assert.deepStrictEqual(yield* read(variables, PoolConfig.configWithPrefix("BILLING")), { maxIdle: 2 })
    }))

  it.effect("is the process's, with Effect's own provider", () =>
    Effect.gen(function*() {
      process.env["PRPOOLCONFIG_IDLE_TIMEOUT"] = "3 seconds"
      const options = yield* PoolConfig.configWithPrefix("PRPOOLCONFIG").pipe(
        Effect.withConfigProvider(ConfigProvider.fromEnv()),
        Effect.ensuring(Effect.sync(() => delete process.env["PRPOOLCONFIG_IDLE_TIMEOUT"]))
      )
      assert.deepStrictEqual(options, { idleTimeout: 3000 })
    }))
})
