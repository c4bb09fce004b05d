/** The setting `proxy`, in code and from the environment: which host goes where, what is refused, and what is shown of it. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either, Equal, Hash, Inspectable, Layer, Redacted } from "effect"
import { inspect } from "node:util"
import { HttpAdapterConfig, HttpPool, HttpProxy, Origin } from "../../src/index.ts"
import { noProxyOf } from "../../src/internal/noProxy.ts"
import { choiceOf } from "../../src/internal/proxyChoice.ts"

const secret = "s3cr3t"
const shown = (value: unknown): string =>
  [String(value), inspect(value, { depth: 20, showHidden: true }), Inspectable.toStringUnknown(value)].join("\n")

const origin = (url: string): Origin.Origin => {
  const made = Origin.fromUrl(url)
  assert(made !== undefined)
  return made
}

/** The proxy that a setting has for a URL, by its label. */
const choose = (setting: HttpProxy.Proxy) => {
  const choice = Either.getOrThrow(choiceOf(setting, "proxy", () => Either.void))
  return (url: string) => choice.of(origin(url))?.label
}

describe("noProxy", () => {
  const hosts: Record<string, readonly [direct: ReadonlyArray<string>, not: ReadonlyArray<string>]> = {
    "*": [["http://users.test", "https://10.0.0.1:8443"], []],
    "users.test": [["http://users.test", "https://users.test:8443", "http://a.users.test", "http://USERS.test."], [
      "http://other-users.test",
      "http://users.test.evil"
    ]],
    ".users.test": [["http://users.test", "http://a.b.users.test"], ["http://ausers.test"]],
    "*.users.test": [["http://a.users.test"], ["http://test"]],
    "users.test:8080": [["http://users.test:8080"], ["http://users.test", "https://users.test"]],
    "users.test:443": [["https://users.test"], ["http://users.test"]],
    "10.0.0.1": [["http://10.0.0.1", "http://10.0.0.1:8080"], ["http://10.0.0.2"]],
    "10.0.0.1:80": [["http://10.0.0.1"], ["http://10.0.0.1:8080"]],
    "10.0.0.0/8": [["http://10.255.0.1"], ["http://11.0.0.1", "http://users.test"]],
    "::1": [["http://[::1]", "http://[0:0:0:0:0:0:0:1]:8080"], ["http://[::2]"]],
    "[::1]:80": [["http://[::1]"], ["http://[::1]:8080"]],
    "fd00::/8": [["http://[fd12::1]"], ["http://[fe80::1]", "http://10.0.0.1"]],
    "a.test, b.test  10.0.0.0/8,": [["http://a.test", "http://b.test", "http://10.1.1.1"], ["http://c.test"]],
    "": [[], ["http://users.test"]]
  }
  for (const [noProxy, [direct, not]] of Object.entries(hosts)) {
    it(JSON.stringify(noProxy), () => {
      for (const given of [noProxy, noProxy.split(",")]) {
        const through = choose({ url: "http://proxy.test:3128", noProxy: given })
        for (const url of direct) assert.isUndefined(through(url), url)
        for (const url of not) assert.strictEqual(through(url), "http://proxy.test:3128", url)
      }
    })
  }

  for (
    const wrong of ["10.0.0.0/33", "fd00::/129", "http://users.test", "users.test:99999", "a*b", "[10.0.0.1]", "x:y:z"]
  ) {
    it(`${wrong} is refused`, () => {
      const error = Either.getOrThrow(Either.flip(noProxyOf(`a.test,${wrong}`, "proxy.noProxy")))
      assert.deepInclude(error, { _tag: "ConfigInvalid", field: "proxy.noProxy", value: wrong })
    })
  }
})

describe("the setting proxy", () => {
  it("is one proxy for both schemes, one for each, or none; and never for a Unix socket", () => {
    assert.isUndefined(choose("none")("https://users.test"))
    assert.strictEqual(choose("proxy.test:3128")("https://users.test"), "http://proxy.test:3128")
    assert.strictEqual(choose(Redacted.make("https://u:p@proxy.test"))("http://users.test"), "https://proxy.test:443")
    const each = choose({
      https: "http://one.test",
      http: { url: "http://[::1]:1", noProxy: "a.test" },
      noProxy: "b.test"
    })
    assert.deepStrictEqual(
      ["https://a.test", "http://a.test", "https://b.test", "http://c.test"].map(each),
      ["http://one.test:80", undefined, undefined, "http://[::1]:1"]
    )
    assert.isUndefined(choose("proxy.test")("http+unix://%2Frun%2Fapp.sock"))
  })

  const wrong: Record<string, readonly [proxy: unknown, field: string]> = {
    "another scheme": [`socks5://user:${secret}@proxy.test`, "proxy"],
    "a path": [`http://user:${secret}@proxy.test/path`, "proxy"],
    "no URL": [`http://user:${secret}@`, "proxy"],
    "a number": [5, "proxy"],
    "an option that there is not": [{ url: "proxy.test", password: secret }, "proxy.password"],
    "a username with a colon": [
      { url: "proxy.test", credentials: { username: "a:b", password: secret } },
      "proxy.credentials"
    ],
    "a header that is the client's own": [{ url: "proxy.test", headers: { host: secret } }, "proxy.headers"],
    "a header of two lines": [{ url: "proxy.test", headers: { x: `${secret}\r\ny: z` } }, "proxy.headers.x"],
    "TLS that does not fit": [{ url: "https://proxy.test", tls: { key: secret } }, "proxy.tls.cert"],
    "a scheme that there is not": [{ ftp: `http://user:${secret}@proxy.test` }, "proxy"],
    "a wrong exception": [{ url: "proxy.test", noProxy: ["a b/c"] }, "proxy.noProxy"]
  }
  for (const [name, [proxy, field]] of Object.entries(wrong)) {
    it.scoped(`${name} is refused by its field, without a secret`, () =>
      Effect.gen(function*() {
        const options: object = { proxy }
        const error = yield* Effect.flip(Layer.build(HttpPool.layer(options)))
        assert.deepInclude(error, { _tag: "ConfigInvalid", field })
        assert.notInclude(shown(error), secret)
      }))
  }

  it("makes origins that are equal for equal proxies alone, and shows no credentials", () => {
    const through = (setting: HttpProxy.Proxy) => {
      const proxy = Either.getOrThrow(choiceOf(setting, "proxy", () => Either.void)).of(origin("https://users.test"))
      return Origin.make({ scheme: "https", host: "users.test", proxy })
    }
    const url = (password: string) => `http://user:${password}@proxy.test:3128`
    const one = through(url(secret))
    const same = through({
      url: "http://proxy.test:3128",
      credentials: { username: "user", password: Redacted.make(secret) }
    })
    assert.isTrue(Equal.equals(one, same))
    assert.strictEqual(Hash.hash(one), Hash.hash(same))
    const others = [
      origin("https://users.test"),
      through(url("other")),
      through("http://proxy.test:3128"),
      through("http://proxy.test:3129"),
      through("https://proxy.test:3128"),
      through({ url: url(secret), headers: { "x-tenant": "a" } }),
      through({ url: url(secret), tls: { servername: "a.test" } })
    ]
    for (const other of others) assert.isFalse(Equal.equals(one, other), other.label)
    assert.strictEqual(one.label, "https://users.test (through http://proxy.test:3128)")
    assert.notMatch(shown([one, one.proxy, same, ...others]), new RegExp(`${secret}|${btoa(`user:${secret}`)}`))
  })

  it("an identity is part of an origin as well, whatever it is called", () => {
    const as = (identity?: string) => Origin.make({ scheme: "https", host: "users.test", identity })
    assert.isTrue(Equal.equals(as("a"), as("a")))
    assert.isFalse(Equal.equals(as("a"), as("b")))
    assert.isFalse(Equal.equals(as("a"), as()))
    assert.strictEqual(as("a").label, "https://users.test (as a)")
    const unix = Origin.make({ scheme: "https", host: "users.test", socketPath: "/s, as a" })
    assert.isFalse(
      Equal.equals(unix, Origin.make({ scheme: "https", host: "users.test", socketPath: "/s", identity: "a" }))
    )
  })
})

describe("proxies from the environment", () => {
  const read = (variables: Record<string, string>) =>
    HttpAdapterConfig.config.pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
      Effect.map(({ proxy }) => proxy),
      Effect.runSync
    )
  const route = (variables: Record<string, string>, ...urls: ReadonlyArray<string>) =>
    urls.map(choose(read(variables) ?? "none"))

  it("are those that other programs use", () => {
    const urls = ["http://a.test", "https://a.test"]
    const [one, other] = ["http://one.test:1", "http://other.test:2"]
    const both = { HTTP_PROXY: one, HTTPS_PROXY: other }
    assert.deepStrictEqual(route({}, ...urls), [undefined, undefined])
    assert.deepStrictEqual(route(both, ...urls), [one, other])
    assert.deepStrictEqual(route({ ...both, http_proxy: other, https_proxy: one }, ...urls), [other, one])
    assert.deepStrictEqual(route({ ALL_PROXY: one, https_proxy: other }, ...urls), [one, other])
    assert.deepStrictEqual(route({ ...both, HTTPS_PROXY: "" }, ...urls), [one, undefined])
    assert.deepStrictEqual(route({ ...both, NO_PROXY: "b.test", no_proxy: "a.test" }, ...urls), [undefined, undefined])
  })

  it("HTTP_PROXY in upper case is not believed where a CGI server may have made it of a header", () => {
    const cgi = { REQUEST_METHOD: "GET", HTTP_PROXY: "http://evil.test" }
    assert.deepStrictEqual(route(cgi, "http://a.test"), [undefined])
    assert.deepStrictEqual(route({ ...cgi, http_proxy: "http://one.test" }, "http://a.test"), ["http://one.test:80"])
  })

  it("WATERTIGHT_PROXY is instead of them all, and may say none", () => {
    const usual = { ALL_PROXY: "socks5://usual.test", NO_PROXY: "a.test" }
    const urls = ["http://a.test", "https://b.test"]
    assert.deepStrictEqual(route({ ...usual, WATERTIGHT_PROXY: "none" }, ...urls), [undefined, undefined])
    const own = { ...usual, WATERTIGHT_PROXY: "own.test:1" }
    assert.deepStrictEqual(route(own, ...urls), [undefined, "http://own.test:1"])
    assert.deepStrictEqual(route({ ...own, WATERTIGHT_NO_PROXY: "b.test" }, ...urls), ["http://own.test:1", undefined])
  })

  for (const name of ["HTTPS_PROXY", "http_proxy", "ALL_PROXY", "WATERTIGHT_PROXY"]) {
    it(`a wrong ${name} is named, without its password`, () => {
      const error = Effect.runSync(
        Effect.flip(Effect.try(() => read({ [name]: `socks5://user:${secret}@proxy.test` })))
      )
      assert.include(shown(error), name)
      assert.include(shown(error), "socks5://proxy.test")
      assert.notInclude(shown(error), secret)
    })
  }

  it("HttpProxy.environment has the same for a pool in code, and what was read shows no password", () => {
    const proxy = HttpProxy.environment.pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["https_proxy", `http://user:${secret}@one.test`]]))),
      Effect.runSync
    )
    assert.strictEqual(choose(proxy)("https://a.test"), "http://one.test:80")
    assert.notInclude(shown(proxy), secret)
  })
})
