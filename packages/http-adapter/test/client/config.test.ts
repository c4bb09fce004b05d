/** Settings from the environment and in code, per host, and wrong ones, which say what they are. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Context, Effect, Exit, Inspectable, Layer, Option, type Scope } from "effect"
import { HttpAdapterConfig, HttpPool, Origin, PooledHttpClient, PoolLayer } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { answer, type Ours, ours, recorder, released } from "./rig.ts"

const environment = (variables: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const fromEnvironment = (variables: Record<string, string>): Effect.Effect<Ours, unknown, Scope.Scope> =>
  Effect.map(
    Layer.build(Layer.provideMerge(PooledHttpClient.layer, PoolLayer)).pipe(environment(variables)),
    (context) => ({
      client: Context.get(context, HttpClient.HttpClient),
      pool: Context.get(context, HttpPool.HttpPool)
    })
  )

const causeOf = (request: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.flip(request), (error) => (error as { readonly cause?: unknown }).cause) // of the platform's errors

describe("PoolLayer", () => {
  it.scopedLive("has a default for everything", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const { client, pool } = yield* fromEnvironment({})
      yield* client.get(url)
      const origin = Origin.fromUrl(url)
      assert(origin !== undefined)
      const { limit } = Option.getOrThrow(yield* pool.hostStats(origin))
      assert.strictEqual(limit, HttpAdapterConfig.defaults.maxConnectionsPerHost)
    }))

  it.scopedLive("reads the pool's settings and those of HTTP", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.neverAnswers)
      const { client, pool } = yield* fromEnvironment({
        WATERTIGHT_MAX_CONNECTIONS_PER_HOST: "1",
        WATERTIGHT_MAX_WAITERS_PER_HOST: "0",
        WATERTIGHT_RESPONSE_TIMEOUT: "50 millis",
        WATERTIGHT_SHUTDOWN_GRACE: "0 millis"
      })
      const waiting = yield* Effect.fork(causeOf(client.get(peer.origin)))
      yield* until("it is held", Effect.map(pool.stats, ({ active }) => active === 1))
      assert.deepInclude(yield* causeOf(client.get(peer.origin)), { _tag: "QueueFull", limit: 1, maxWaiters: 0 })
      assert.deepInclude(yield* waiting, { _tag: "ResponseTimeout", timeout: 50 })
    }))

  it.effect("each variable has its value", () =>
    Effect.gen(function*() {
      const { config } = HttpAdapterConfig
      const read = yield* config.pipe(environment({
        WATERTIGHT_RESPONSE_TIMEOUT: "30 seconds",
        WATERTIGHT_BODY_TIMEOUT: "Infinity",
        WATERTIGHT_READ_AHEAD: "1",
        WATERTIGHT_UNREAD_TIMEOUT: "1 second",
        WATERTIGHT_DRAIN_LIMIT: "0",
        WATERTIGHT_DRAIN_TIMEOUT: "100 millis",
        WATERTIGHT_MAX_HEADER_SIZE: "8192",
        WATERTIGHT_MAX_RESPONSE_SIZE: "1000000",
        WATERTIGHT_HEALTH_CHECK: "socketOnly",
        WATERTIGHT_HEALTH_CHECK_PATH: "/health?deep",
        WATERTIGHT_KEEP_ALIVE_SKEW: "0 seconds",
        WATERTIGHT_TCP_KEEP_ALIVE: "1 minute",
        WATERTIGHT_REPLAY: "no",
        WATERTIGHT_MAX_CONNECTIONS: "17",
        OTHER_MAX_CONNECTIONS: "18"
      }))
      assert.deepStrictEqual(Object.fromEntries(Object.entries(read).toSorted()), {
        bodyTimeout: Infinity,
        drainLimit: 0,
        drainTimeout: 100,
        healthCheck: "socketOnly",
        healthCheckPath: "/health?deep",
        keepAliveSkew: 0,
        maxConnections: 17,
        maxHeaderSize: 8192,
        maxResponseSize: 1_000_000,
        readAhead: 1,
        replay: false,
        responseTimeout: 30_000,
        tcpKeepAlive: 60_000,
        unreadTimeout: 1000
      })
      const own = HttpAdapterConfig.configWithPrefix("OTHER")
      assert.deepStrictEqual(yield* own.pipe(environment({ OTHER_MAX_CONNECTIONS: "18" })), { maxConnections: 18 })
    }))

  const wrong: Record<string, readonly [value: string, allowed: RegExp]> = {
    RESPONSE_TIMEOUT: ["0", /a duration above zero/],
    BODY_TIMEOUT: ["soon", /a duration above zero/],
    READ_AHEAD: ["0", /a whole number from 1/],
    UNREAD_TIMEOUT: ["Infinity", /a finite duration above zero/],
    DRAIN_LIMIT: ["-1", /a whole number from 0/],
    DRAIN_TIMEOUT: ["-5 seconds", /a finite duration above zero/],
    MAX_HEADER_SIZE: ["16k", /a whole number from 1/],
    MAX_RESPONSE_SIZE: ["1.5", /a whole number from 0, or Infinity/],
    HEALTH_CHECK: ["ping", /request.*socketOnly/],
    HEALTH_CHECK_PATH: ["health", /a path that begins with/],
    KEEP_ALIVE_SKEW: ["", /a finite duration/],
    TCP_KEEP_ALIVE: ["never", /a duration above zero/],
    REPLAY: ["perhaps", /true or false/],
    MAX_CONNECTIONS_PER_HOST: ["many", /a whole number/]
  }
  for (const [name, [value, allowed]] of Object.entries(wrong)) {
    it.scopedLive(`says what is wrong with ${name}=${value}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(fromEnvironment({ [`WATERTIGHT_${name}`]: value }))
        const message = Inspectable.toStringUnknown(error)
        assert.include(String(error), `WATERTIGHT_${name}`)
        assert.include(String(error), JSON.stringify(value))
        assert.match(String(error), allowed, message)
      }))
  }
})

describe("HttpPool.layer", () => {
  const wrong: Record<string, readonly [options: object, field: string, value: unknown]> = {
    "a field of HTTP": [{ responseTimeout: -1 }, "responseTimeout", -1],
    "a field of the pool": [{ maxConnectionsPerHost: 0 }, "maxConnectionsPerHost", 0],
    "a field of the breaker": [{ breaker: { failures: 0 } }, "breaker.failures", 0],
    "a field of TLS": [{ tls: { certificate: "x" } }, "tls.certificate", "a text of 1 characters"],
    "a field that there is not": [{ responseTimeOut: 5 }, "responseTimeOut", "a number"],
    "overrides that are no function": [{ overrides: {} }, "overrides", {}]
  }
  for (const [name, [options, field, value]] of Object.entries(wrong)) {
    it.scopedLive(`says what is wrong with ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Layer.build(HttpPool.layer(options)))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field, value })
        assert.include(error.message, "allowed: ")
        if (name.endsWith("not")) assert.include(error.message, "did you mean responseTimeout?")
      }))
  }

  const wrongOverrides: Record<string, readonly [override: object, field: RegExp]> = {
    "a value of HTTP": [{ readAhead: 0 }, /readAhead/],
    "a value of the pool": [{ maxUses: 0 }, /maxUses/],
    "a field that holds for all hosts": [{ maxHosts: 5 }, /maxHosts/],
    "a field that there is not": [{ maxUse: 5 }, /maxUse\b/]
  }
  for (const [name, [override, field]] of Object.entries(wrongOverrides)) {
    it.scopedLive(`an override with ${name} is a defect of the requests to that host alone`, () =>
      Effect.gen(function*() {
        const { url } = yield* recorder()
        const { client } = yield* ours({ overrides: ({ host }) => host === "127.0.0.2" ? override : {} })
        const exit = yield* Effect.exit(client.get(url.replace("127.0.0.1", "127.0.0.2")))
        assert(Exit.isFailure(exit))
        const defect = Option.getOrThrow(Cause.dieOption(exit.cause))
        assert.match(Inspectable.toStringUnknown(defect), /ConfigInvalid/)
        assert.match(Inspectable.toStringUnknown(defect), field)
        assert.strictEqual((yield* client.get(url)).status, 200)
      }))
  }

  it.scopedLive("has other settings for some hosts", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.end("four"))
      const { client, pool } = yield* ours({
        maxResponseSize: 3,
        overrides: ({ host }) => host === "localhost" ? { maxResponseSize: 4, maxConnectionsPerHost: 7 } : {}
      })
      assert.deepInclude(yield* causeOf(Effect.flatMap(client.get(url), (response) => response.text)), {
        _tag: "BodyTooLarge"
      })
      const local = url.replace("127.0.0.1", "localhost")
      assert.strictEqual(yield* Effect.flatMap(client.get(local), (response) => response.text), "four")
      yield* released(pool)
      const { hosts } = yield* pool.stats
      assert.deepStrictEqual(hosts.map(({ limit }) => limit).toSorted(), [100, 7])
    }))
})
