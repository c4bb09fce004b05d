/** A small adapter: it has options of its own beside the pool's, for the whole of it and for each host. */
import { assert, describe, it, test } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as ConnectionPool from "../src/ConnectionPool.ts"
import * as PoolConfig from "../src/PoolConfig.ts"
import { ConfigInvalid } from "../src/PoolError.ts"
import * as Settings from "../src/Settings.ts"
import { TestConnector } from "../src/testing/index.ts"

const hostTable = {
  healthPath: Settings.field("/", Settings.path, "what a check asks for"),
  headersTimeout: Settings.durationField("30 seconds", Settings.positive, "how long an answer may take to begin")
}

const table = {
  ...hostTable,
  protocol: Settings.field("auto", Settings.oneOf("auto", "h1", "h2"), "what is spoken"),
  followRedirects: Settings.field(false, Settings.flag, "whether redirects are followed")
}

const presets = Settings.presets(table)

const refused = <A>(result: Settings.Checked<A>): ConfigInvalid => {
  assert(Either.isLeft(result), "was accepted")
  return result.left
}

type HostOptions = PoolConfig.HostOptions & Settings.Given<typeof hostTable>

interface Options extends Omit<PoolConfig.Options, "overrides">, Settings.Given<typeof table> {
  readonly overrides?: ((key: string) => Partial<HostOptions>) | undefined
}

const adapter = (options: Partial<Options>) =>
  Effect.gen(function*() {
    const [own, { overrides, ...rest }] = yield* Settings.split(table, options, presets, PoolConfig.names)
    const hosts = Settings.splitOverrides(hostTable, overrides, own, PoolConfig.hostNames)
    const { connector } = yield* TestConnector.make()
    const pool = yield* ConnectionPool.make({ connector, config: { ...rest, overrides: hosts.rest } })
    return { own, hosts, pool }
  })

// what somebody without a compiler might pass
const untyped = (options: unknown) => options as Partial<Options>

describe("options of an adapter", () => {
  it.scoped("are its own and the pool's in one object", () =>
    Effect.gen(function*() {
      const { own, pool } = yield* adapter({ maxConnectionsPerHost: 7, protocol: "h2", headersTimeout: "1 second" })
      assert.deepStrictEqual(own, { ...presets, protocol: "h2", headersTimeout: 1000 })
      yield* pool.use("a", () => Effect.void)
      assert.strictEqual((yield* pool.stats).hosts[0]?.limit, 7)
    }))

  test("are given on as they came, an explicit `undefined` too", () => {
    const options = { maxUses: undefined, protocol: undefined, healthPath: "/x", breaker: { probes: 2 } }
    const [own, rest] = Either.getOrThrow(Settings.split(table, options, presets, PoolConfig.names))
    assert.deepStrictEqual(own, { ...presets, healthPath: "/x" })
    assert.deepStrictEqual(rest, { maxUses: undefined, breaker: { probes: 2 } })
    assert.strictEqual(rest.breaker, options.breaker)
  })

  it.scoped.each<readonly [options: unknown, field: string, hint: string | undefined]>([
    [{ helthPath: "/" }, "helthPath", "healthPath"],
    [{ maxConnectionPerHost: 7 }, "maxConnectionPerHost", "maxConnectionsPerHost"],
    [{ colour: "blue" }, "colour", undefined]
  ])("%j is refused with the names of both", ([options, field, hint]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(adapter(untyped(options)))
      assert.strictEqual(error.field, field)
      for (const name of [...Settings.namesOf(table), ...PoolConfig.names]) assert.include(error.allowed, name)
      assert.strictEqual(/did you mean (\w+)\?$/.exec(error.allowed)?.[1], hint)
    }))

  it.scoped.each<readonly [options: unknown, field: string]>([
    [{ healthPath: "/ x" }, "healthPath"],
    [{ idleTimeout: -1 }, "idleTimeout"],
    [{ breaker: { probes: 0 } }, "breaker.probes"],
    [{ overrides: {} }, "overrides"],
    [null, "config"]
  ])(
    "%j is refused by its field",
    ([options, field]) =>
      Effect.map(Effect.flip(adapter(untyped(options))), (error) => assert.strictEqual(error.field, field))
  )
})

describe("overrides of an adapter", () => {
  it.scoped("are its own and the pool's, by host", () =>
    Effect.gen(function*() {
      const { hosts, pool } = yield* adapter({
        healthPath: "/alive",
        overrides: (key) => key === "a" ? { healthPath: "/ready", maxConnectionsPerHost: 3 } : {}
      })
      const settings = (key: string) => Either.getOrThrow(hosts.own(key))
      assert.include(settings("a"), { healthPath: "/ready", headersTimeout: 30_000 })
      assert.include(settings("b"), { healthPath: "/alive", headersTimeout: 30_000 })
      yield* pool.use("a", () => Effect.void)
      yield* pool.use("b", () => Effect.void)
      assert.deepStrictEqual((yield* pool.stats).hosts.map(({ host, limit }) => [host, limit]), [["a", 3], ["b", 100]])
    }))

  it.scoped("are not needed, for no host either", () =>
    Effect.gen(function*() {
      const { hosts, own, pool } = yield* adapter({})
      assert.isUndefined(hosts.rest)
      assert.deepStrictEqual(hosts.own("a"), Either.right(own))
      yield* pool.use("a", () => Effect.void)
      const none = yield* adapter(untyped({ overrides: () => undefined, name: "none" }))
      assert.deepStrictEqual(none.hosts.own("a"), Either.right(own))
      yield* none.pool.use("a", () => Effect.void)
    }))

  it.scoped.each<readonly [override: unknown, field: string, allowed: string]>([
    [{ healthPath: "x" }, "healthPath", Settings.path.allowed],
    [{ helthPath: "/" }, "helthPath", "did you mean healthPath?"],
    [{ maxUse: 1 }, "maxUse", "did you mean maxUses?"],
    // it is the adapter's as a whole, and not a host's
    [{ protocol: "h1" }, "protocol", "healthPath, headersTimeout, maxConnectionsPerHost"],
    [5, "overrides", "a function that returns an object of options"]
  ])(
    "%j is a defect of whoever asks for that host, with the names of both",
    ([override, field, allowed]) =>
      Effect.gen(function*() {
        const { hosts, pool } = yield* adapter(untyped({ overrides: (key: string) => key === "bad" ? override : {} }))
        const exit = yield* Effect.exit(pool.use("bad", () => Effect.void))
        assert(Exit.isFailure(exit))
        const error = Cause.squash(exit.cause)
        assert(error instanceof ConfigInvalid)
        assert.strictEqual(error.field, field)
        assert.include(error.allowed, allowed)
        assert.strictEqual(refused(hosts.own("bad")).message, error.message)
        yield* pool.use("good", () => Effect.void)
      })
  )
})

describe("overrides of an adapter at run time", () => {
  it.scoped("change both, or nothing if one of them is wrong", () =>
    Effect.gen(function*() {
      const { own, pool } = yield* adapter({})
      yield* pool.use("a", () => Effect.void)
      const split = (override: Partial<HostOptions>) =>
        Settings.splitOverrides(hostTable, () => override, own, PoolConfig.hostNames)
      const limit = Effect.map(pool.stats, ({ hosts }) => hosts[0]?.limit)

      const good = split({ maxConnectionsPerHost: 5, healthPath: "/ready" })
      yield* pool.reconfigure({ overrides: good.rest })
      assert.strictEqual(yield* limit, 5)
      assert.include(Either.getOrThrow(good.own("a")), { healthPath: "/ready" })

      const bad = split({ maxConnectionsPerHost: 6, healthPath: "ready" })
      const exit = yield* Effect.exit(pool.reconfigure({ overrides: bad.rest }))
      assert(Exit.isFailure(exit))
      assert.include(Cause.squash(exit.cause), { _tag: "ConfigInvalid", field: "healthPath" })
      assert.strictEqual(yield* limit, 5)
    }))
})

describe("the environment of an adapter", () => {
  const config = Config.zipWith(
    PoolConfig.configWithPrefix("GATEWAY"),
    Settings.environment(table, "GATEWAY"),
    (pool, own) => ({ ...pool, ...own })
  )
  const read = (variables: Record<string, string>) =>
    Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map(Object.entries(variables)), { pathDelim: "_" }))

  it.scoped("has one prefix for both", () =>
    Effect.gen(function*() {
      const options = yield* read({
        GATEWAY_HEALTH_PATH: "/ready",
        GATEWAY_HEADERS_TIMEOUT: "2 seconds",
        GATEWAY_PROTOCOL: "h2",
        GATEWAY_MAX_CONNECTIONS_PER_HOST: "4",
        GATEWAY_BREAKER_PROBES: "2"
      })
      assert.deepStrictEqual(options, {
        healthPath: "/ready",
        headersTimeout: 2000,
        protocol: "h2",
        maxConnectionsPerHost: 4,
        breaker: { probes: 2 }
      })
      assert.deepStrictEqual((yield* adapter(options)).own, {
        ...presets,
        healthPath: "/ready",
        headersTimeout: 2000,
        protocol: "h2"
      })
      assert.deepStrictEqual(yield* read({ OTHER_PROTOCOL: "h1" }), {})
    }))

  it.effect.each<readonly [name: string, value: string, allowed: string]>([
    ["GATEWAY_PROTOCOL", "h3", "one of"],
    ["GATEWAY_HEALTH_PATH", "ready", "a path that begins with"],
    ["GATEWAY_HEADERS_TIMEOUT", "0 seconds", "a duration above zero"],
    ["GATEWAY_FOLLOW_REDIRECTS", "perhaps", "true or false"],
    ["GATEWAY_MAX_IDLE", "-1", "a whole number"]
  ])("%s=%s is refused by the variable's name", ([name, value, allowed]) =>
    Effect.gen(function*() {
      const error = String(yield* Effect.flip(read({ [name]: value })))
      assert.include(error, `${name}: ${JSON.stringify(value)} is not allowed; allowed: ${allowed}`)
    }))

  it.effect("names every wrong variable, of both", () =>
    Effect.gen(function*() {
      const error = String(yield* Effect.flip(read({ GATEWAY_PROTOCOL: "h3", GATEWAY_MAX_IDLE: "-1" })))
      assert.include(error, "GATEWAY_PROTOCOL")
      assert.include(error, "GATEWAY_MAX_IDLE")
    }))
})
