/** Identities of TLS: who shares a connection, what becomes of old ones, and what the log is told. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Option, Redacted, Stream } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { TLSSocket } from "node:tls"
import { HttpAdapterConfig, HttpTls, Origin, PooledHttpClient } from "../../src/index.ts"
import { type Certificates, certificates, type Identity } from "../parts/certificates.ts"
import * as Descriptors from "../parts/descriptors.ts"
import { folder } from "../parts/part.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { causeOf, connectionsOf, rig, textOf } from "../real/rig.ts"
import { awaitLevel, holdings } from "./holdings.ts"

const as = (identity: string) => PooledHttpClient.withOptions({ identity })
const fresh = PooledHttpClient.withOptions({ fresh: true })
const own = ({ certificate, key }: Identity): HttpTls.TlsOptions => ({ cert: certificate, key: Redacted.make(key) })

const fromEnvironment = (variables: Record<string, string>) =>
  Effect.withConfigProvider(HttpAdapterConfig.config, ConfigProvider.fromMap(new Map(Object.entries(variables))))

const nameOf = (socket: unknown): string => {
  assert.instanceOf(socket, TLSSocket)
  const { subject } = socket.getPeerCertificate()
  return String(subject?.CN ?? "nobody")
}

/** A server that asks for certificates, and answers with the name that it was shown. */
const server = ({ authority, localhost }: Certificates) =>
  Peer.start(Faults.answers((_, { socket }) => Faults.response(nameOf(socket))), {
    tls: localhost,
    clientAuthority: authority
  })

const resumedOf = ({ connections }: Peer.Peer) =>
  connections.map(({ socket }) => socket instanceof TLSSocket && socket.isSessionReused())

describe.skipIf(lacks("openssl") || !Descriptors.available)("identities of TLS", () => {
  it.scopedLive("two never share a connection; each is kept for the next request under it", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const rigged = yield* rig({
        tls: { ca: all.authority, ...own(all.localhost) },
        identities: { acme: own(all.aTest), umbrella: own(all.bTest) }
      })
      const text = textOf(rigged, peer.origin)
      for (let round = 0; round < 3; round++) {
        assert.deepStrictEqual([yield* text, yield* text.pipe(as("acme")), yield* text.pipe(as("umbrella"))], [
          "localhost",
          "a.test",
          "b.test"
        ])
      }
      assert.strictEqual(peer.accepted(), 3)
      const labels = (yield* rigged.pool.stats).hosts.map(({ host }) => host.replace(peer.origin, "")).toSorted()
      assert.deepStrictEqual(labels, ["", " (as acme)", " (as umbrella)"])
      const acme = Origin.fromUrl(peer.origin, undefined, "acme")
      assert(acme !== undefined)
      yield* rigged.pool.retire(acme)
      yield* peer.awaitOpen(2)
    }))

  it.scopedLive("an identity takes what it does not say from its host's, but never who that is", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const rigged = yield* rig({
        overrides: () => ({ tls: { ca: all.authority, ...own(all.localhost) } }),
        identities: { nobody: {}, distrusting: { ...own(all.aTest), ca: all.otherAuthority } }
      })
      assert.strictEqual(yield* textOf(rigged, peer.origin), "localhost")
      const refused = yield* causeOf(textOf(rigged, peer.origin).pipe(as("nobody")))
      // In TLS 1.3 a client learns only with the answer that it was refused.
      assert.include(["TlsFailed", "ConnectionLost", "ConnectFailed"], refused._tag)
      assert.strictEqual((yield* causeOf(textOf(rigged, peer.origin).pipe(as("distrusting"))))._tag, "TlsFailed")
      assert.deepStrictEqual(peer.requests().length, 1)
    }))

  it.scopedLive("one that nobody has given is an error before anything is borrowed", () =>
    Effect.gen(function*() {
      const rigged = yield* rig({ identities: { acme: {} } })
      const error = yield* Effect.flip(textOf(rigged, "https://users.test/").pipe(as("acne")))
      assert.deepInclude(error, { _tag: "RequestError", reason: "Encode" })
      assert.deepInclude(error.cause, { _tag: "IdentityUnknown", identity: "acne", known: ["acme"] })
      assert.strictEqual((yield* rigged.pool.stats).hosts.length, 0)
    }))

  it.scopedLive("rotated under traffic: no request fails, old connections go, the server sees the new one", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const rigged = yield* rig({
        tls: { ca: all.authority },
        identities: { it: own(all.aTest) },
        maxConnectionsPerHost: 8
      })
      let rotated = false
      let late = 0
      const ask = Effect.suspend(() => {
        const after = rotated
        return Effect.map(textOf(rigged, peer.origin).pipe(as("it")), (name) => {
          if (after) {
            late++
            assert.strictEqual(name, "b.test", "a request after the rotation went out under the old identity")
          }
        })
      })
      const traffic = yield* Effect.fork(
        Effect.replicateEffect(Effect.repeat(ask, { until: () => late >= 200 }), 20, { concurrency: "unbounded" })
      )
      yield* until("traffic", Effect.sync(() => peer.requests().length > 100))
      yield* rigged.pool.rotate({ it: own(all.bTest) })
      rotated = true
      yield* Fiber.join(traffic)
      yield* until(
        "the old ones are gone",
        Effect.sync(() => peer.connections.every(({ socket }) => socket.destroyed || nameOf(socket) === "b.test"))
      )
      const { closedBy } = (yield* rigged.pool.stats).hosts[0]!
      assert.deepStrictEqual(Object.keys(closedBy), ["retired"])
    }))

  it.scopedLive("rotated while a response is read: it is read to its end, and its connection closes then", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const gate = Faults.gated(Faults.answers())
      const peer = yield* Peer.start(gate.behaviour, { tls: all.localhost })
      const rigged = yield* rig({ tls: { ca: all.authority } })
      const asking = yield* Effect.fork(textOf(rigged, peer.origin))
      yield* untilEqual("requests", Effect.sync(() => peer.requests().length), 1)
      yield* rigged.pool.reconfigure({ tls: { ca: all.authority, minVersion: "TLSv1.3" } })
      assert.strictEqual(peer.open(), 1)
      gate.open()
      assert.strictEqual(yield* Fiber.join(asking), "ok")
      yield* peer.awaitOpen(0)
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(peer.accepted(), 2)
      // The same again is no rotation.
      yield* rigged.pool.reconfigure({ tls: { ca: all.authority, minVersion: "TLSv1.3" }, maxIdle: 50 })
      yield* textOf(rigged, peer.origin)
      assert.strictEqual(peer.accepted(), 2)
    }))

  it.scopedLive("rotated within a handshake: the connection that comes of it carries nothing", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const rigged = yield* rig({ tls: { ca: all.authority, ...own(all.aTest) } })
      const asking = yield* Effect.fork(textOf(rigged, peer.origin))
      yield* until("a socket", Effect.map(rigged.pool.stats, ({ connecting }) => connecting === 1))
      yield* rigged.pool.reconfigure({ tls: { ca: all.authority, ...own(all.bTest) } })
      assert.strictEqual(yield* Fiber.join(asking), "b.test")
      yield* peer.awaitOpen(1)
    }))

  it.scopedLive("one that is taken away keeps nothing, and nothing is dialed ahead for it", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const rigged = yield* rig({ tls: { ca: all.authority }, identities: { it: own(all.aTest) }, minIdle: 2 })
      yield* textOf(rigged, peer.origin).pipe(as("it"))
      yield* peer.awaitOpen(2)
      const closed = yield* Effect.fork(
        Stream.runHead(Stream.filter(rigged.pool.events, ({ _tag }) => _tag === "Closed"))
      )
      yield* Effect.yieldNow()
      yield* rigged.pool.reconfigure({ identities: {} })
      yield* peer.awaitOpen(0)
      assert.deepInclude(Option.getOrThrow(yield* Fiber.join(closed)), {
        reason: "retired",
        detail: "its TLS identity has changed"
      })
      yield* untilEqual("connections", connectionsOf(rigged), 0)
      assert.deepStrictEqual((yield* rigged.pool.stats).hosts.filter(({ failed }) => failed > 0), [])
    }))

  it.scopedLive("a rotation that one host's settings do not go with reaches the others, and ends what that host has", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* Peer.start(Faults.answers(), { tls: all.localhost })
      const strict: HttpTls.TlsOptions = { ca: all.authority, minVersion: "TLSv1.3" }
      const rigged = yield* rig({
        overrides: ({ host }) => ({ tls: host === "localhost" ? strict : { ca: all.authority } }),
        identities: { it: {} }
      })
      const urls = [peer.origin.replace("127.0.0.1", "localhost"), peer.origin] as const
      for (const url of urls) yield* textOf(rigged, url).pipe(as("it"))
      assert.strictEqual(peer.open(), 2)
      yield* rigged.pool.rotate({ it: { maxVersion: "TLSv1.2" } })
      yield* peer.awaitOpen(0)
      assert.strictEqual(yield* textOf(rigged, urls[1]).pipe(as("it")), "ok")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(textOf(rigged, urls[0]).pipe(as("it")))))
      assert.strictEqual(peer.accepted(), 3)
    }))

  it.scopedLive("a rotation that does not fit is refused, and changes nothing", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const rigged = yield* rig({ tls: { ca: all.authority }, identities: { it: own(all.aTest) } })
      yield* textOf(rigged, peer.origin).pipe(as("it"))
      for (const wrong of [{ ...own(all.aTest), key: all.bTest.key }, own(all.expired)]) {
        const error = yield* Effect.flip(rigged.pool.rotate({ it: wrong }))
        assert.match(error.field, /^identities\.it\.(?:key|cert)$/)
      }
      assert.strictEqual(yield* textOf(rigged, peer.origin).pipe(as("it")), "a.test")
      assert.strictEqual(peer.accepted(), 1)
      yield* rigged.pool.rotate({ other: own(all.bTest) })
      assert.strictEqual(yield* textOf(rigged, peer.origin).pipe(as("other")), "b.test")
      assert.strictEqual(yield* textOf(rigged, peer.origin).pipe(as("it")), "a.test")
      assert.strictEqual(peer.accepted(), 2)
      yield* rigged.pool.reconfigure({ identities: {} })
      yield* untilEqual("connections", connectionsOf(rigged), 0)
    }))

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it.scopedLive(`a session is for one identity, and not for what it is rotated to (${version})`, () =>
      Effect.gen(function*() {
        const all = yield* certificates
        const peer = yield* server(all)
        const terms = { minVersion: version, maxVersion: version }
        const rigged = yield* rig({
          tls: { ca: all.authority, ...terms },
          identities: { one: own(all.aTest), two: own(all.bTest) }
        })
        const ask = (identity: string) => fresh(textOf(rigged, peer.origin)).pipe(as(identity))
        for (const identity of ["one", "one", "two", "two"]) yield* ask(identity)
        assert.deepStrictEqual(resumedOf(peer), [false, true, false, true])
        yield* rigged.pool.rotate({ one: own(all.localhost) })
        assert.strictEqual(yield* ask("one"), "localhost")
        assert.strictEqual(yield* ask("two"), "b.test")
        assert.deepStrictEqual(resumedOf(peer).slice(4), [false, true])
      }))
  }

  it.scopedLive("one that trusts anybody is told of, once for each host and identity", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* Peer.start(Faults.answers(), { tls: all.selfSigned })
      const warnings: Array<string> = []
      const loose: HttpTls.TlsOptions = { rejectUnauthorized: false }
      const rigged = yield* rig({ tls: loose, identities: { it: own(all.aTest) } }, undefined, warnings)
      for (const url of [peer.origin, peer.origin.replace("127.0.0.1", "localhost")]) {
        yield* Effect.replicateEffect(fresh(textOf(rigged, url)), 3)
        yield* Effect.replicateEffect(fresh(textOf(rigged, url)).pipe(as("it")), 3)
      }
      const told = warnings.filter((line) => line.includes("rejectUnauthorized: false"))
      assert.strictEqual(told.length, 4)
      assert.strictEqual(new Set(told).size, 4)
      assert.match(told.join("\n"), /localhost:\d+ \(as it\): its certificate is not verified/)
      yield* textOf(yield* rig({ tls: { ca: all.selfSigned.certificate } }, undefined, warnings), peer.origin)
      assert.strictEqual(warnings.filter((line) => line.includes("rejectUnauthorized")).length, 4)
    }))
})

describe.skipIf(lacks("openssl"))("an identity in files", () => {
  const written = (dir: string, { certificate, key }: Identity, parts: "both" | "cert" = "both") => {
    Fs.writeFileSync(Path.join(dir, "cert.pem"), certificate)
    if (parts === "both") Fs.writeFileSync(Path.join(dir, "key.pem"), key)
  }

  it.scopedLive("is taken when it changes; what is broken or half-written leaves the last good one, and is told of once", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const dir = yield* folder
      const file = (name: string) => Path.join(dir, name)
      Fs.writeFileSync(file("ca.pem"), all.authority)
      written(dir, all.aTest)
      const warnings: Array<string> = []
      const tls = HttpTls.files({
        ca: file("ca.pem"),
        cert: file("cert.pem"),
        key: file("key.pem"),
        refresh: "10 millis"
      })
      const rigged = yield* rig({ overrides: () => ({ tls }) }, undefined, warnings)
      const ask = textOf(rigged, peer.origin)
      const complaints = () => warnings.filter((line) => line.includes("cannot be used"))
      assert.strictEqual(yield* ask, "a.test")
      written(dir, all.bTest, "cert")
      yield* until("the log is told", Effect.sync(() => complaints().length === 1))
      assert.strictEqual(yield* ask, "a.test")
      Fs.rmSync(file("ca.pem"))
      yield* until("of something else", Effect.sync(() => complaints().length === 2))
      assert.strictEqual(yield* ask, "a.test")
      assert.strictEqual(peer.accepted(), 1)
      Fs.writeFileSync(file("ca.pem"), all.authority)
      written(dir, all.bTest)
      yield* until("the server sees the new one", Effect.map(ask, (name) => name === "b.test"))
      yield* peer.awaitOpen(1)
      assert.deepStrictEqual([peer.accepted(), complaints().length], [2, complaints().length])
      assert.notMatch(warnings.join("\n"), /PRIVATE KEY/)
    }))

  it.scopedLive("comes from the environment too, and nothing of it goes on when the pool has ended", () =>
    Effect.gen(function*() {
      const all = yield* certificates
      const peer = yield* server(all)
      const dir = yield* folder
      written(dir, all.aTest)
      Fs.writeFileSync(Path.join(dir, "ca.pem"), all.authority)
      const environment = fromEnvironment({
        WATERTIGHT_TLS_CA_FILE: Path.join(dir, "ca.pem"),
        WATERTIGHT_TLS_CERT_FILE: Path.join(dir, "cert.pem"),
        WATERTIGHT_TLS_KEY_FILE: Path.join(dir, "key.pem"),
        WATERTIGHT_TLS_REFRESH: "5 millis"
      })
      const before = yield* holdings
      yield* Effect.scoped(Effect.gen(function*() {
        assert.strictEqual(yield* textOf(yield* rig(yield* environment), peer.origin), "a.test")
      }))
      yield* awaitLevel(before)
    }))
})
