/** Through real proxies, with a user and without, to hosts with TLS and without. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import type { HttpAdapterConfig, HttpProxy } from "../../src/index.ts"
import { Origin, PooledHttpClient, Resolver } from "../../src/index.ts"
import { certificates } from "../parts/certificates.ts"
import * as Descriptors from "../parts/descriptors.ts"
import * as Nginx from "../parts/nginx.ts"
import { lacks } from "../parts/programs.ts"
import * as Proxies from "../parts/proxies.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import * as Tunnels from "../parts/tcp/tunnels.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { causeOf, connectionsOf, echoOf, hostOf, rig, textOf } from "./rig.ts"

const user = { name: "app", password: "planted-p:ss" }
const fresh = PooledHttpClient.withOptions({ fresh: true })

const programs = { squid: Proxies.squid, tinyproxy: Proxies.tinyproxy }

for (const [program, start] of Object.entries(programs)) {
  describe.skipIf(lacks(program, "nginx", "openssl"))(`through ${program}`, () => {
    it.scopedLive("hosts with TLS and without, each on connections of its own, which are reused", () =>
      Effect.gen(function*() {
        const [proxy, nginx, { authority }] = [yield* start(), yield* Nginx.start(), yield* certificates]
        const rigged = yield* rig({ tls: { ca: authority }, proxy: proxy.origin })
        const secure = `https://localhost:${nginx.tlsPort}/echo`
        for (let nth = 1; nth <= 3; nth++) {
          assert.deepInclude(yield* echoOf(rigged, secure), { nth, server: "localhost", sni: "localhost" })
          assert.deepInclude(yield* echoOf(rigged, `${nginx.origin}/echo`), { nth, server: "plain", host: "127.0.0.1" })
        }
        assert.strictEqual(yield* nginx.connections, 2)
        const { addresses, host, reused } = yield* hostOf(rigged, secure)
        assert.strictEqual(host, `https://localhost:${nginx.tlsPort} (through ${proxy.origin})`)
        assert.deepStrictEqual([addresses.map(({ address }) => address), reused], [["127.0.0.1"], 2])
        assert.include((yield* echoOf(rigged, `${nginx.origin}/echo`)).uri, "/echo")
        const large = yield* textOf(rigged, `${nginx.origin}/big`)
        assert.strictEqual(large.length > 0, true)
      }))

    it.scopedLive("with a user: in the URL, or apart from it; and without, the error says what is missing", () =>
      Effect.gen(function*() {
        const [proxy, nginx] = [yield* start({ user: { ...user, password: "planted-pass" } }), yield* Nginx.start()]
        const ask = (setting: HttpProxy.Proxy) =>
          Effect.map(rig({ proxy: setting }), (rigged) => textOf(rigged, `${nginx.origin}/echo`))
        const { port } = proxy
        for (
          const setting of [
            `http://app:planted%2Dpass@127.0.0.1:${port}`,
            Redacted.make(`http://app:planted-pass@127.0.0.1:${port}`),
            { url: proxy.origin, credentials: { username: "app", password: Redacted.make("planted-pass") } },
            {
              url: proxy.origin,
              headers: { "Proxy-Authorization": Redacted.make(`Basic ${btoa("app:planted-pass")}`) }
            }
          ]
        ) assert.include(yield* yield* ask(setting), "plain")
        for (const setting of [proxy.origin, `http://app:planted-other@127.0.0.1:${port}`]) {
          const cause = yield* causeOf(yield* ask(setting))
          assert(cause._tag === "ProxyFailed")
          // tinyproxy takes wrong credentials for none of its business: 401
          assert.include(program === "squid" ? [407] : [401, 407], cause.status)
          assert.notInclude(cause.message, "planted")
        }
      }))

    it.scopedLive("a port that it makes no tunnel to: the error names it, and what it may be about", () =>
      Effect.gen(function*() {
        const [proxy, nginx, { authority }] = [
          yield* start({ ports: [443] }),
          yield* Nginx.start(),
          yield* certificates
        ]
        const rigged = yield* rig({ tls: { ca: authority }, proxy: proxy.origin })
        const plain = yield* causeOf(textOf(rigged, `${nginx.origin}/echo`))
        assert.deepInclude(plain, { _tag: "ProxyFailed", status: 403 })
        assert.include(plain.message, `403 to a tunnel to port ${nginx.port}; it may allow tunnels for https alone`)
        const secure = yield* causeOf(textOf(rigged, `https://localhost:${nginx.tlsPort}/`))
        assert.include(secure.message, `(403 to a tunnel to port ${nginx.tlsPort})`)
        assert.strictEqual(yield* connectionsOf(rigged), 0)
        assert.deepStrictEqual(yield* nginx.seen, [])
      }))

    it.scopedLive("sessions are resumed inside of a tunnel, and hosts may be reached directly", () =>
      Effect.gen(function*() {
        const [proxy, nginx, { authority }] = [yield* start(), yield* Nginx.start(), yield* certificates]
        const rigged = yield* rig({ tls: { ca: authority }, proxy: { url: proxy.origin, noProxy: "127.0.0.1" } })
        const url = `https://localhost:${nginx.tlsPort}/echo`
        const resumed = [yield* fresh(echoOf(rigged, url)), yield* fresh(echoOf(rigged, url))].map((echo) =>
          echo.resumed
        )
        assert.deepStrictEqual(resumed, [".", "r"])
        const direct = `https://127.0.0.1:${nginx.tlsPort}/echo`
        assert.strictEqual((yield* echoOf(rigged, direct)).resumed, ".")
        assert.strictEqual((yield* hostOf(rigged, direct)).host, `https://127.0.0.1:${nginx.tlsPort}`)
      }))
  })
}

describe.skipIf(lacks("openssl"))("through a proxy", () => {
  it.scopedLive("with TLS of its own: each end is verified, and shown its own certificate", () =>
    Effect.gen(function*() {
      const { aTest, authority, bTest, localhost, otherAuthority } = yield* certificates
      const peer = yield* Peer.start(Faults.answers(), { tls: localhost, clientAuthority: authority })
      const proxy = yield* Tunnels.start({ tls: bTest, clientAuthority: authority })
      const names = Resolver.layerStatic({ "b.test": ["127.0.0.1"] })
      const toProxy = { ca: authority, cert: aTest.certificate, key: aTest.key }
      const tls = { ca: authority, cert: localhost.certificate, key: localhost.key }
      const through = (options: Partial<HttpAdapterConfig.Options>) => rig({ tls, ...options }, names)
      const url = `https://b.test:${proxy.port}`
      const rigged = yield* through({ proxy: { url, tls: toProxy } })
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.deepStrictEqual([proxy.accepted(), peer.accepted()], [1, 1])
      assert.match(proxy.asked[0] ?? "", new RegExp(`^CONNECT 127\\.0\\.0\\.1:${peer.port} HTTP/1\\.1\r\nhost: 127`))
      const distrusting = yield* causeOf(
        textOf(yield* through({ proxy: { url, tls: { ...toProxy, ca: otherAuthority } } }), peer.origin)
      )
      assert(distrusting._tag === "ProxyFailed")
      assert.match(distrusting.reason, /no TLS with it \((?:UNABLE_TO|SELF_SIGNED)_/)
      const outer = yield* through({ proxy: { url, tls: toProxy }, tls: { ...tls, ca: otherAuthority } })
      assert.strictEqual((yield* causeOf(textOf(outer, peer.origin)))._tag, "TlsFailed")
      // Another identity for the proxy is another way: the old one is not used any more.
      yield* rigged.pool.reconfigure({
        proxy: { url, tls: { ...toProxy, cert: localhost.certificate, key: localhost.key } }
      })
      const before = peer.accepted()
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(peer.accepted(), before + 1)
    }))

  it.scopedLive("the pool key keeps them apart: with, without, and as whom", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const proxy = yield* Tunnels.start()
      const rigged = yield* rig({ proxy: proxy.origin })
      const url = peer.origin
      yield* textOf(rigged, url)
      const old = Origin.fromUrl(url)
      assert(old !== undefined)
      for (
        const setting of ["none", `http://one@127.0.0.1:${proxy.port}`, `http://two@127.0.0.1:${proxy.port}`, "none"]
      ) {
        yield* rigged.pool.reconfigure({ proxy: setting })
        yield* textOf(rigged, url)
        // the way of before is left
        yield* peer.awaitOpen(1)
      }
      assert.deepStrictEqual([peer.accepted(), proxy.accepted()], [5, 3])
      const credentials = proxy.asked.map((head) => /proxy-authorization: (.*)\r\n/.exec(head)?.[1])
      assert.deepStrictEqual(credentials, [undefined, `Basic ${btoa("one:")}`, `Basic ${btoa("two:")}`])
      // Nothing of it reaches the host.
      for (const { bytes } of peer.connections) assert.notInclude(String(bytes()), "proxy-")
    }))

  it.scopedLive("another way leaves nothing on the old one: no idle connections, none that are dialed ahead", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const [proxy, other] = [yield* Tunnels.start(), yield* Tunnels.start()]
      const rigged = yield* rig({ proxy: proxy.origin, overrides: () => ({ minIdle: 3 }) })
      const warm = (way: Tunnels.Tunnels) => until("it is warm", Effect.sync(() => way.open() >= 3))
      yield* textOf(rigged, peer.origin)
      yield* warm(proxy)
      yield* rigged.pool.reconfigure({ proxy: other.origin })
      yield* proxy.awaitOpen(0)
      const before = proxy.accepted()
      yield* textOf(rigged, peer.origin)
      yield* warm(other)
      yield* rigged.pool.reconfigure({ overrides: () => ({ minIdle: 1, proxy: "none" }) })
      yield* other.awaitOpen(0)
      yield* textOf(rigged, peer.origin)
      assert.deepStrictEqual([proxy.accepted(), proxy.open(), other.open()], [before, 0, 0])
    }))

  it.scopedLive("another way while requests wait for the old one, and are under way there: none fails", () =>
    Effect.gen(function*() {
      const gate = Faults.gated(Faults.answers())
      const peer = yield* Peer.start(gate.behaviour)
      const proxy = yield* Tunnels.start()
      const rigged = yield* rig({ proxy: proxy.origin, maxConnectionsPerHost: 1 })
      const asking = yield* Effect.fork(Effect.replicateEffect(textOf(rigged, peer.origin), 3, { concurrency: 3 }))
      yield* untilEqual("requests", Effect.sync(() => peer.requests().length), 1)
      yield* rigged.pool.reconfigure({ proxy: "none" })
      gate.open()
      assert.deepStrictEqual(yield* Fiber.join(asking), ["ok", "ok", "ok"])
      yield* proxy.awaitOpen(0)
    }))

  it.scopedLive("a Unix socket is reached directly", () =>
    Effect.gen(function*() {
      const proxy = yield* Tunnels.start()
      const rigged = yield* rig({ proxy: proxy.origin })
      const ask = Effect.flip(rigged.client.get("http://users.test/"))
      const error = yield* ask.pipe(PooledHttpClient.withOptions({ socketPath: "/nowhere.sock" }))
      assert.deepInclude(error.cause, { _tag: "ConnectFailed", code: "ENOENT" })
      assert.strictEqual(proxy.accepted(), 0)
    }))

  it.scopedLive.skipIf(!Descriptors.available)(
    "a proxy that is not there is an address like any other",
    () =>
      Effect.gen(function*() {
        const gone = yield* Effect.scoped(Effect.map(Peer.start(Faults.answers()), ({ port }) => port))
        const rigged = yield* rig({ proxy: `http://127.0.0.1:${gone}` })
        const cause = yield* causeOf(textOf(rigged, "https://users.test/"))
        assert.deepInclude(cause, { _tag: "ConnectFailed", code: "ECONNREFUSED", address: "127.0.0.1" })
        assert.include(cause.message, `through http://127.0.0.1:${gone}`)
        const unnamed = yield* rig(
          { proxy: "http://proxy.test" },
          Resolver.layerStatic({ "users.test": ["127.0.0.1"] })
        )
        assert.deepInclude(yield* causeOf(textOf(unnamed, "https://users.test/")), {
          _tag: "ResolveFailed",
          hostname: "proxy.test"
        })
      })
  )
})
