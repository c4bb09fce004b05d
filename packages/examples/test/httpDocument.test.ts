/** docs/http.md names every setting with its default and its variable, every option, every error and every metric, and no others. */
import { HttpAdapterConfig, HttpError, type PooledHttpClient } from "@watertight/http-adapter"
import { PoolConfig, PoolError, PoolMetrics } from "@watertight/pool"
import { ConfigProvider, Duration, Effect, Record } from "effect"
import { readFileSync } from "node:fs"
import { assert, describe, test } from "vitest"

const page = readFileSync(new URL("../../../docs/http.md", import.meta.url), "utf8")

/** What is below a heading, up to the next one of its level or above. */
const section = (heading: string): string => {
  const start = page.indexOf(`\n${heading}`)
  assert.notStrictEqual(start, -1, heading)
  const level = /^#+/.exec(heading)?.[0].length ?? 0
  const rest = page.slice(start + heading.length + 1)
  const end = rest.search(new RegExp(`^#{1,${level}} `, "m"))
  return end === -1 ? rest : rest.slice(0, end)
}

/** The rows of the tables in a text, each as its cells, without heads and lines. */
const rowsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))

const bare = (cell: string | undefined): string => (cell ?? "").replaceAll("`", "")
const named = (heading: string): ReadonlyArray<string> => rowsOf(section(heading)).map(([name]) => bare(name))

interface Setting {
  readonly name: string
  readonly preset: string
  readonly variable: string
}

const settingsIn = (heading: string): ReadonlyArray<Setting> =>
  rowsOf(section(heading)).map(([name, preset, variable]) => ({
    name: bare(name),
    preset: bare(preset),
    variable: bare(variable)
  }))

const perHost = settingsIn("### Per host")
const settings = [...perHost, ...settingsIn("### Whole pool")]

/** `breaker.failures` and so on, in the place of `breaker`. */
const flat = (options: object): Record<string, unknown> => {
  const { breaker, ...plain }: Record<string, unknown> = { ...options }
  const inside = typeof breaker === "object" && breaker !== null ? breaker : {}
  return { ...plain, ...Object.fromEntries(Object.entries(inside).map(([name, value]) => [`breaker.${name}`, value])) }
}

const defaults: Record<string, unknown> = { ...flat(HttpAdapterConfig.defaults), overrides: undefined }
/** What no variable can hold. */
const inCodeAlone = new Set(["tls", "identities", "overrides"])

const sorted = (names: Iterable<string>): ReadonlyArray<string> => [...names].toSorted()

/** What the environment makes of it. */
const read = (variable: string, value: string) =>
  HttpAdapterConfig.config.pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([[variable, value]]))),
    Effect.map(flat),
    Effect.runSync
  )

const inMillis = (value: unknown): unknown =>
  typeof value === "string" && /^\d+ \w+$/.test(value) ? Duration.toMillis(value as Duration.DurationInput) : value // as a setting's

describe("docs/http.md has", () => {
  test("every setting, where it belongs", () => {
    assert.deepStrictEqual(sorted(settings.map(({ name }) => name)), sorted(Record.keys(defaults)))
    const ofPoolAlone = new Set<string>(
      PoolConfig.names.filter((name) => !PoolConfig.hostNames.some((own) => own === name))
    )
    assert.deepStrictEqual(
      sorted(perHost.map(({ name }) => name)),
      sorted(Record.keys(defaults).filter((name) => !ofPoolAlone.has(name)))
    )
  })

  for (const { name, preset, variable } of settings) {
    test(`${name}, its default and its variable`, () => {
      if (inCodeAlone.has(name)) {
        assert.deepStrictEqual([preset, variable], ["none", "none"])
        return
      }
      assert.deepStrictEqual(read(variable, preset), { [name]: inMillis(defaults[name]) })
    })
  }

  test("every option of a request", () => {
    const options: { readonly [Name in keyof PooledHttpClient.Options]-?: true } = {
      fresh: true,
      replay: true,
      acquireTimeout: true,
      responseTimeout: true,
      bodyTimeout: true,
      totalTimeout: true,
      maxResponseSize: true,
      decompress: true,
      maxDecompressedSize: true,
      socketPath: true,
      identity: true
    }
    assert.deepStrictEqual(sorted(named("### Per request")), sorted(Record.keys(options)))
  })

  test("every cause of an error", () => {
    const classes = Object.entries({ ...HttpError, ...PoolError }).flatMap(([name, value]) =>
      typeof value === "function" && value.prototype instanceof Error ? [name] : []
    )
    const causes = rowsOf(section("## Errors")).map(([name]) => bare(name)).filter((name) => name !== "ResponseError")
    // it comes from layers, and is told of in the text
    assert.deepStrictEqual(sorted([...causes, "ConfigInvalid"]), sorted(classes))
    assert.include(section("## Errors"), "`ConfigInvalid`")
  })

  test("every cause under the reason that it has", () => {
    const reasons: { readonly [Tag in HttpError.HttpError["_tag"]]: "connect" | "request" | "exchange" } = {
      QueueFull: "connect",
      AcquireTimeout: "connect",
      ResolveFailed: "connect",
      ResolveTimeout: "connect",
      ConnectFailed: "connect",
      ConnectTimeout: "connect",
      TlsFailed: "connect",
      ProxyFailed: "connect",
      IdentityUnknown: "request",
      HostUnavailable: "connect",
      TooManyHosts: "connect",
      PoolClosed: "connect",
      EgressDenied: "request",
      RequestInvalid: "request",
      RequestBodyFailed: "request",
      ConnectionLost: "exchange",
      ResponseTimeout: "exchange",
      BodyTimeout: "exchange",
      ResponseMalformed: "exchange",
      HeadersTooLarge: "exchange",
      BodyTooLarge: "exchange",
      TotalTimeout: "exchange",
      DecompressedTooLarge: "exchange",
      DecompressionFailed: "exchange",
      BodyClosed: "exchange"
    }
    const headings = {
      connect: "### No connection: `RequestError`, reason `Transport`",
      request: "### The request cannot be sent: `RequestError`, reason `Encode` or `InvalidUrl`",
      exchange: "### On the connection: `RequestError`, reason `Transport`, before the head"
    }
    for (const [reason, heading] of Object.entries(headings)) {
      const expected = Object.entries(reasons).flatMap(([tag, its]) => its === reason ? [tag] : [])
      assert.deepStrictEqual(sorted(named(heading)), sorted(expected))
    }
  })

  test("every metric and its kind", () => {
    const prefix = HttpAdapterConfig.defaults.metricsPrefix
    assert.deepStrictEqual(
      rowsOf(section("## Metrics")).map(([name, kind]) => [bare(name), kind]),
      Object.values(PoolMetrics.metrics).map(({ name, type }) => [`${prefix}.${name}`, type])
    )
  })
})
