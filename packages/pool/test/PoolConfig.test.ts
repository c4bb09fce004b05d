import { assert, describe, test } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { inspect } from "node:util"
import { breakerFields, hostFields, poolFields } from "../src/internal/fields.ts"
import { overridden, resolve } from "../src/internal/settings.ts"
import type { HostOptions, Options } from "../src/PoolConfig.ts"
import * as PoolConfig from "../src/PoolConfig.ts"
import type { ConfigInvalid } from "../src/PoolError.ts"

// what somebody without a compiler might pass
const untyped = (options: unknown) => options as Partial<Options>

const refused = <A>(result: Either.Either<A, ConfigInvalid>): ConfigInvalid => {
  assert(Either.isLeft(result), "was accepted")
  return result.left
}

const nested = (path: string, value: unknown): Partial<Options> =>
  path.split(".").reduceRight((inner, name) => ({ [name]: inner }), value) as Partial<Options>

/** Every field by the name that errors use. */
const fields = {
  ...hostFields,
  ...poolFields,
  ...Object.fromEntries(Object.entries(breakerFields).map(([name, field]) => [`breaker.${name}`, field]))
}

describe("defaults", () => {
  test("nothing given means the defaults, in milliseconds", () => {
    const settings = Either.getOrThrow(resolve({}))
    assert.deepStrictEqual(settings, {
      maxConnectionsPerHost: 100,
      maxConnections: 4096,
      maxConnectingPerHost: 32,
      maxIdlePerHost: Infinity,
      maxIdle: Infinity,
      maxHosts: 1024,
      maxWaitersPerHost: 1024,
      maxResolving: 64,
      keepDials: true,
      minIdle: 0,
      maxUses: Infinity,
      acquireTimeout: 30_000,
      resolveTimeout: 5_000,
      connectTimeout: 10_000,
      closeTimeout: 400,
      raceDelay: 250,
      idleTimeout: 60_000,
      maxLifetime: 600_000,
      lifetimeJitter: 0.1,
      healthCheckInterval: 10_000,
      healthCheckTimeout: 5_000,
      healthCheckConcurrency: 10,
      dnsRefreshInterval: 30_000,
      shutdownGrace: 500,
      leakThreshold: 60_000,
      breaker: { failures: 5, openFor: 30_000, probes: 1 },
      eventBuffer: 1024,
      name: "pool",
      metricsPrefix: "http.client",
      leakStacks: false,
      checkInvariants: false
    })
  })

  test("they are options that mean themselves", () => {
    assert.deepStrictEqual(resolve(PoolConfig.defaults), resolve({}))
  })

  test("settings are options that mean themselves", () => {
    const settings = Either.getOrThrow(resolve({ idleTimeout: "1 minute", breaker: { probes: 3 } }))
    assert.deepStrictEqual(resolve(settings), Either.right(settings))
  })

  test("undefined means the default, inside breaker too", () => {
    const names = Object.keys(PoolConfig.defaults)
    assert.deepStrictEqual(resolve(Object.fromEntries(names.map((name) => [name, undefined]))), resolve({}))
    assert.deepStrictEqual(resolve(untyped({ breaker: { openFor: undefined }, overrides: undefined })), resolve({}))
  })

  test("what is given replaces its default alone", () => {
    const settings = Either.getOrThrow(resolve({ maxUses: 7, breaker: { failures: Infinity } }))
    assert.deepStrictEqual(settings, {
      ...Either.getOrThrow(resolve({})),
      maxUses: 7,
      breaker: { failures: Infinity, openFor: 30_000, probes: 1 }
    })
  })
})

describe("each field by itself", () => {
  const junk = [
    null,
    NaN,
    -1,
    "",
    " ",
    "-1 seconds",
    "soon",
    "5",
    "NaN seconds",
    -5n,
    [],
    [-1, 0],
    [NaN, 0],
    {},
    () => 1
  ]
  const alsoBad: Record<string, ReadonlyArray<unknown>> = {
    "a whole number from 0": [1.5, -Infinity, "3", Infinity],
    "a whole number from 1": [0, 1.5, Infinity],
    "a whole number from 0, or Infinity": [0.5, -Infinity, "3"],
    "a whole number from 1, or Infinity": [0, 1.5, "3", 3n],
    "a number from 0 to below 1": [1, 1.1, "0.5", Infinity],
    "a duration above zero, such as \"10 seconds\", or Infinity": [0, "0 seconds", Duration.zero, 0n, "10s", true],
    "a finite duration above zero, such as \"10 seconds\"": [0, Duration.infinity, Infinity, "Infinity"],
    "a finite duration, such as \"500 millis\" or 0": [Infinity, Duration.infinity, [Infinity, 0], "1 fortnight"],
    "true or false": [0, 1, "true"],
    "a text that is not blank": [7]
  }

  test.each(Object.entries(fields))("%s refuses what it cannot be, and says so", (name, { rule }) => {
    const special = alsoBad[rule.allowed]
    assert.isDefined(special, `no examples of what is not ${rule.allowed}`)
    // some of the junk is a good text, and of nothing else
    const bad = junk.filter((value) => !(rule.allowed.includes("text") && typeof value === "string" && value.trim()))
    for (const value of [...bad, ...(special ?? [])]) {
      const error = refused(resolve(nested(name, value)))
      assert.strictEqual(error._tag, "ConfigInvalid")
      assert.strictEqual(error.field, name)
      assert.isTrue(Object.is(error.value, value))
      assert.strictEqual(error.allowed, rule.allowed)
      assert.include(error.message, name)
      assert.include(error.message, rule.allowed)
    }
  })

  test.each(Object.entries(fields))("%s accepts its own preset, and what comes of it", (name, { preset, rule }) => {
    const decoded = rule.decode(preset)
    assert.isDefined(decoded)
    assert.strictEqual(rule.decode(decoded), decoded, name)
    assert.strictEqual(rule.decode(rule.parse(String(preset))), decoded, `${name} as a text`)
  })

  test("every kind of DurationInput is a duration", () => {
    const input = fc.oneof(
      fc.double({ min: 0, noNaN: true }),
      fc.bigInt({ min: 0n, max: 10n ** 24n }),
      fc.tuple(fc.nat(), fc.nat()),
      fc.nat().map((n) => Duration.seconds(n)),
      fc.tuple(fc.nat(), fc.constantFrom("nanos", "millis", "second", "seconds", "weeks" as const)).map(
        ([n, unit]) => `${n} ${unit}` as Duration.DurationInput
      )
    )
    fc.assert(fc.property(input, (idleTimeout) => {
      const expected = Duration.toMillis(idleTimeout)
      const result = resolve({ idleTimeout })
      if (expected > 0) assert.strictEqual(Either.getOrThrow(result).idleTimeout, expected)
      else assert.strictEqual(refused(result).field, "idleTimeout")
    }))
  })

  test("no negative duration is taken for zero, however it is written", () => {
    const negative = fc.oneof(
      fc.double({ max: -Number.MIN_VALUE, noNaN: true }),
      fc.bigInt({ max: -1n }),
      fc.tuple(fc.integer({ max: -1 }), fc.nat()),
      fc.integer({ max: -1 }).map((n) => `${n} seconds`),
      fc.integer({ max: -1 }).map((n) => ` ${n} millis`)
    )
    // the one duration that may be zero
    fc.assert(fc.property(negative, (shutdownGrace) => {
      assert.strictEqual(refused(resolve(untyped({ shutdownGrace }))).value, shutdownGrace)
    }))
    assert.strictEqual(Either.getOrThrow(resolve({ shutdownGrace: 0 })).shutdownGrace, 0)
  })

  test("nothing at all makes it throw", () => {
    fc.assert(fc.property(fc.anything(), fc.constantFrom(...Object.keys(fields)), (value, name) => {
      for (const options of [value, nested(name, value)]) {
        const result = resolve(untyped(options))
        assert.isTrue(Either.isEither(result))
      }
    }))
  })

  test.each([
    ["no object", 5, "config"],
    ["nothing", null, "config"],
    ["a list", [], "config"],
    ["a breaker that is none", { breaker: 3 }, "breaker"],
    ["overrides that are no function", { overrides: {} }, "overrides"]
  ])("%s is refused", (_, options, field) => {
    assert.strictEqual(refused(resolve(untyped(options))).field, field)
  })
})

describe("unknown fields", () => {
  test.each([
    ["idelTimeout", "idleTimeout"],
    ["maxconnections", "maxConnections"],
    ["maxConnectionPerHost", "maxConnectionsPerHost"],
    ["brekaer", "breaker"],
    ["breaker.openfor", "breaker.openFor"]
  ])("%s is refused with a hint at %s", (name, meant) => {
    const error = refused(resolve(nested(name, 5)))
    assert.strictEqual(error.field, name)
    assert.strictEqual(error.value, "a number")
    assert.match(error.allowed, new RegExp(`; did you mean ${meant}\\?$`))
  })

  test("no hint is better than a wild guess, and all names are listed", () => {
    const error = refused(resolve(untyped({ colour: "blue" })))
    assert.notInclude(error.allowed, "did you mean")
    for (const name of [...Object.keys(PoolConfig.defaults), "overrides"]) assert.include(error.allowed, name)
  })

  test("the value is not shown: under its right name it may be a secret", () => {
    for (const secret of ["s3cr3t", ["s3cr3t"], { key: "s3cr3t" }, Buffer.from("s3cr3t"), () => "s3cr3t", 12_345n]) {
      const error = refused(resolve(untyped({ TLS: secret })))
      const texts = [error.message, inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)].join("\n")
      assert.include(texts, "TLS")
      assert.notMatch(texts, /s3cr3t|115, 51, 99|12345/)
    }
  })

  test.each(["constructor", "__proto__", "toString"])("%s is as unknown as any other", (name) => {
    const options: unknown = JSON.parse(`{"${name}": 1}`)
    assert.strictEqual(refused(resolve(untyped(options))).field, name)
  })
})

describe("contradictions", () => {
  test.each<[options: Partial<Options>, field: keyof Options, value: number, other: string]>([
    [{ minIdle: 11, maxConnectionsPerHost: 10 }, "minIdle", 11, "10, which is maxConnectionsPerHost"],
    [{ minIdle: 101 }, "minIdle", 101, "100, which is maxConnectionsPerHost"],
    [{ minIdle: 6, maxIdlePerHost: 5 }, "minIdle", 6, "5, which is maxIdlePerHost"],
    [{ minIdle: 3, maxConnections: 2 }, "minIdle", 3, "2, which is maxConnections"],
    [{ minIdle: 3, maxIdle: 2 }, "minIdle", 3, "2, which is maxIdle"],
    [{ maxConnectionsPerHost: 3, maxConnections: 2 }, "maxConnectionsPerHost", 3, "2, which is maxConnections"],
    [{ maxIdlePerHost: 3, maxIdle: 2 }, "maxIdlePerHost", 3, "2, which is maxIdle"]
  ])("%o", (options, field, value, other) => {
    const error = refused(resolve(options))
    assert.strictEqual(error.field, field)
    assert.strictEqual(error.value, value)
    assert.strictEqual(error.allowed, `at most ${other}`)
  })

  test.each<{ readonly [K in keyof Options]?: Options[K] | undefined }>([
    { maxConnections: 2 },
    { maxConnectionsPerHost: 5000 },
    { maxIdle: 2 },
    { maxIdlePerHost: 5000 },
    { maxConnectionsPerHost: 2 },
    { maxConnectingPerHost: 1000 },
    { maxConnectingPerHost: 3, maxConnectionsPerHost: 2 },
    { maxConnections: 2, maxConnectionsPerHost: undefined },
    { maxConnections: 2, maxConnectionsPerHost: Infinity },
    { maxConnections: 2, maxConnectionsPerHost: 2, maxConnectingPerHost: 2, minIdle: 2, maxIdle: 2, maxIdlePerHost: 2 }
  ])("%o is none", (options) => {
    assert.isTrue(Either.isRight(resolve(untyped(options))))
  })
})

describe("overrides of one host", () => {
  const settings = Either.getOrThrow(resolve({ idleTimeout: 5, maxConnections: 50, breaker: { failures: 2 } }))

  test("are the pool's settings with what is given on top", () => {
    const host = Either.getOrThrow(overridden(settings, { maxUses: 1, breaker: { openFor: "1 second" } }))
    assert.strictEqual(host.maxUses, 1)
    assert.strictEqual(host.idleTimeout, 5)
    assert.deepStrictEqual(host.breaker, { failures: 2, openFor: 1000, probes: 1 })
  })

  test("nothing given changes nothing", () => {
    assert.deepStrictEqual(overridden(settings, {}), Either.right(settings))
    assert.deepStrictEqual(overridden(settings, untyped({ idleTimeout: undefined })), Either.right(settings))
  })

  test.each<[override: unknown, field: string]>([
    [{ idleTimeout: -1 }, "idleTimeout"],
    [{ breaker: { probes: 0 } }, "breaker.probes"],
    [{ maxConnections: 5 }, "maxConnections"],
    [{ minIdle: 51 }, "minIdle"],
    [undefined, "overrides"]
  ])("%o is refused", (override, field) => {
    assert.strictEqual(refused(overridden(settings, override as Partial<HostOptions>)).field, field)
  })

  test("a limit above the pool's is no contradiction: the smaller one holds", () => {
    assert.isTrue(Either.isRight(overridden(settings, { maxConnectionsPerHost: 60 })))
  })
})
