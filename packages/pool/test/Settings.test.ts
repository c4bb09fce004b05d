import { assert, describe, test } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import * as PoolConfig from "../src/PoolConfig.ts"
import { ConfigInvalid } from "../src/PoolError.ts"
import * as Settings from "../src/Settings.ts"

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

describe("rules", () => {
  test("path: begins with a slash, and breaks no line", () => {
    const good = ["/", "/health", "/a/b?c=d%20e", "//", "/ü"]
    const bad = ["", "health", " /", "/a b", "/a\n", "/\r\nHost: evil", "/\t", "/\0", "/\u007f", "/\u0085", "/\u00a0"]
    for (const value of good) assert.strictEqual(Settings.path.decode(Settings.path.parse(value)), value)
    for (const value of [...bad, undefined, null, 1, {}, ["/"]]) {
      assert.isUndefined(Settings.path.decode(value), JSON.stringify(value))
    }
    assert.strictEqual(Settings.path.allowed, "a path that begins with \"/\", without spaces and control characters")
  })

  test("oneOf: exactly one of the literals, from a text too", () => {
    const rule = Settings.oneOf("h1", "h2", 3)
    for (const literal of ["h1", "h2", 3]) {
      assert.strictEqual(rule.decode(literal), literal)
      assert.strictEqual(rule.decode(rule.parse(` ${literal} `)), literal)
    }
    for (const value of ["H1", "h1 ", "3", 1, "", undefined, ["h1"]]) assert.isUndefined(rule.decode(value))
    assert.isUndefined(rule.decode(rule.parse("h3")))
    assert.strictEqual(rule.allowed, "one of \"h1\", \"h2\", 3")
    assert.strictEqual(Settings.oneOf("h1").allowed, "\"h1\"")
  })

  test("argument: decoded, or a ConfigInvalid is thrown", () => {
    assert.strictEqual(Settings.argument("timeout", Settings.period, "2 seconds"), 2000)
    try {
      Settings.argument("timeout", Settings.period, -1)
      assert.fail("was accepted")
    } catch (error) {
      assert(error instanceof ConfigInvalid)
      assert.strictEqual(error.message, `timeout: -1 is not allowed; allowed: ${Settings.period.allowed}`)
    }
  })
})

describe("a table", () => {
  test("has names, defaults as they are written, and presets", () => {
    assert.deepStrictEqual(Settings.namesOf(table), ["healthPath", "headersTimeout", "protocol", "followRedirects"])
    assert.deepStrictEqual(Settings.defaultsOf(table), {
      healthPath: "/",
      headersTimeout: "30 seconds",
      protocol: "auto",
      followRedirects: false
    })
    assert.deepStrictEqual(presets, {
      healthPath: "/",
      headersTimeout: 30_000,
      protocol: "auto",
      followRedirects: false
    })
  })

  test("with a default against its own rule throws", () => {
    const wrong = { healthPath: Settings.field("health", Settings.path, "") }
    assert.throws(() => Settings.presets(wrong), /^healthPath: "health" is not allowed/)
  })

  test("decodes what is given on a base, and `undefined` as the base", () => {
    const base = { ...presets, protocol: "h1" as const }
    const given = { headersTimeout: Duration.seconds(2), healthPath: undefined }
    assert.deepStrictEqual(Settings.decode(table, given, base), Either.right({ ...base, headersTimeout: 2000 }))
    assert.deepStrictEqual(Settings.decode(table, base, presets), Either.right(base))
  })

  test.each<[given: unknown, place: Settings.Place, message: string]>([
    [{ protocol: "h3" }, {}, "protocol: \"h3\" is not allowed; allowed: one of \"auto\", \"h1\", \"h2\""],
    [
      { protocol: "h3" },
      { within: "http" },
      "http.protocol: \"h3\" is not allowed; allowed: one of \"auto\", \"h1\", \"h2\""
    ],
    [5, {}, "config: 5 is not allowed; allowed: an object of options"],
    [undefined, {}, "config: undefined is not allowed; allowed: an object of options"],
    [
      [],
      { within: "http" },
      "http: [] is not allowed; allowed: an object with healthPath, headersTimeout, protocol, followRedirects"
    ],
    [
      { protocl: 1 },
      { within: "http" },
      "http.protocl: \"a number\" is not allowed; allowed: the fields http.healthPath, http.headersTimeout, http.protocol, " +
      "http.followRedirects; did you mean http.protocol?"
    ],
    [
      { other: 1, colour: 2 },
      { besides: ["other", "color"] },
      "colour: \"a number\" is not allowed; allowed: the fields healthPath, headersTimeout, protocol, followRedirects, other, " +
      "color; did you mean color?"
    ]
  ])("refuses %o in %o", (given, place, message) => {
    assert.strictEqual(refused(Settings.decode(table, given, presets, place)).message, message)
  })

  test("is decoded without throwing, whatever is given", () => {
    fc.assert(fc.property(fc.anything(), fc.constantFrom(...Settings.namesOf(table)), (value, name) => {
      for (const given of [value, { [name]: value }]) {
        assert.isTrue(Either.isEither(Settings.decode(table, given, presets)))
      }
    }))
  })

  test.each(["constructor", "__proto__", "toString"])("knows no %s, which every object has", (name) => {
    const options = JSON.parse(`{"${name}": 1}`) as object
    assert.strictEqual(refused(Settings.decode(table, options, presets)).field, name)
    assert.strictEqual(refused(Settings.split(table, options, presets, PoolConfig.names)).field, name)
  })
})
