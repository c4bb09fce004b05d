/** HTTP/2 with servers that others wrote. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { certificates } from "../parts/certificates.ts"
import * as H2o from "../parts/h2o.ts"
import * as Haproxy from "../parts/haproxy.ts"
import * as Nghttpd from "../parts/nghttpd.ts"
import * as Nginx from "../parts/nginx.ts"
import { lacks } from "../parts/programs.ts"
import { hashOf } from "../parts/site.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { untilEqual } from "../parts/waiting.ts"
import { connectionsOf, echoOf, hostOf, rig, textOf } from "./rig.ts"

const trusting = (options: Parameters<typeof rig>[0] = {}) =>
  Effect.flatMap(certificates, ({ authority: ca }) => rig({ tls: { ca }, ...options }))

describe.skipIf(lacks("nginx", "openssl"))("nginx over HTTP/2", () => {
  it.scopedLive("D1 P1 carries as many requests on a connection as it says, and never more connections than that takes", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ http2Streams: 4 })
      const rigged = yield* trusting({ maxConnectionsPerHost: 3 })
      const url = `https://127.0.0.1:${nginx.tlsPort}/echo`
      const echoes = yield* Effect.replicateEffect(echoOf(rigged, url), 100, { concurrency: "unbounded" })
      assert.isAtMost(new Set(echoes.map(({ connection }) => connection)).size, 3)
      assert.isTrue(echoes.every(({ method, uri }) => method === "GET" && uri === "/echo"))
      const { total, waiting } = yield* hostOf(rigged, url)
      assert.isAtMost(total, 3)
      assert.strictEqual(waiting, 0)
    }))

  it.scopedLive("D1 P3 says goodbye after so many requests: none is lost, and the next connection takes over", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ http2Streams: 4, keepaliveRequests: 10 })
      const rigged = yield* trusting()
      const url = `https://127.0.0.1:${nginx.tlsPort}/echo`
      const echoes = yield* Effect.replicateEffect(echoOf(rigged, url), 200, { concurrency: 8 })
      assert.lengthOf(echoes, 200)
      assert.isAtLeast(new Set(echoes.map(({ connection }) => connection)).size, 20)
    }))

  it.scopedLive("D1 P3 is reloaded while it sends: what has begun ends, what follows goes to the new worker", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ http2Streams: 16 })
      const rigged = yield* trusting()
      const url = `https://127.0.0.1:${nginx.tlsPort}`
      const { worker } = yield* echoOf(rigged, `${url}/echo`)
      const reloaded = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      // a piece before, and pieces after
      const slow = yield* Effect.fork(Effect.flatMap(rigged.client.get(`${url}/slow`), ({ stream }) =>
        stream.pipe(
          Stream.tap(() => Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(reloaded))),
          Stream.take(3),
          Stream.runCount
        )))
      yield* Deferred.await(begun)
      yield* nginx.reload
      yield* untilEqual(
        "another worker",
        Effect.map(echoOf(rigged, `${url}/echo`), (echo) => Number(echo.worker !== worker)),
        1
      )
      yield* Deferred.succeed(reloaded, undefined)
      assert.strictEqual(yield* Fiber.join(slow), 3)
    }))

  it.scopedLive("D1 P6 cancels one of several downloads, and the others end", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ http2Streams: 16, bigBytes: 20_000_000 })
      const rigged = yield* trusting({ maxConnectionsPerHost: 1 })
      const url = `https://127.0.0.1:${nginx.tlsPort}/big`
      const size = Effect.flatMap(
        rigged.client.get(url),
        ({ stream }) => Stream.runFold(stream, 0, (sum, piece) => sum + piece.length)
      )
      const half = Effect.flatMap(rigged.client.get(url), ({ stream }) => Stream.runDrain(Stream.take(stream, 1)))
      const [sizes] = yield* Effect.all([
        Effect.replicateEffect(size, 4, { concurrency: 4 }),
        Effect.replicateEffect(half, 4, { concurrency: 4 })
      ], { concurrency: 2 })
      assert.deepStrictEqual(sizes, [20_000_000, 20_000_000, 20_000_000, 20_000_000])
      assert.strictEqual(yield* connectionsOf(rigged), 1)
    }))
})

describe.skipIf(lacks("haproxy", "openssl"))("haproxy over HTTP/2", () => {
  it.scopedLive("D1 P3 carries all at once, and what it closes for its idleness costs no request", () =>
    Effect.gen(function*() {
      const one = yield* Peer.start(Faults.answers(() => Faults.response("one")))
      const haproxy = yield* Haproxy.start({ servers: { one: one.port }, keepAliveTimeout: "1s", http2: true })
      const rigged = yield* trusting()
      const url = `https://127.0.0.1:${haproxy.tlsPort}`
      const texts = yield* Effect.replicateEffect(textOf(rigged, url), 50, { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(texts), new Set(["one"]))
      assert.strictEqual(yield* haproxy.connections, 1)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      assert.strictEqual(yield* textOf(rigged, url), "one")
      assert.strictEqual(yield* haproxy.connections, 2)
    }))
})

describe.skipIf(lacks("nghttpd", "openssl"))("nghttpd", () => {
  it.scopedLive("D1 P1 carries four at once; all others find room on further connections, or wait", () =>
    Effect.gen(function*() {
      const nghttpd = yield* Nghttpd.start({ streams: 4 })
      const rigged = yield* trusting({ maxConnectionsPerHost: 5 })
      const texts = yield* Effect.replicateEffect(textOf(rigged, `${nghttpd.origin}/`), 100, {
        concurrency: "unbounded"
      })
      assert.strictEqual(new Set(texts).size, 1)
      assert.isAtMost((yield* hostOf(rigged, nghttpd.origin)).opened, 5)
    }))
})

describe.skipIf(lacks("h2o", "openssl"))("h2o", () => {
  it.scopedLive("D1 P3 says goodbye to an idle connection, which is given up at once, and the next request is served by another", () =>
    Effect.gen(function*() {
      const h2o = yield* H2o.start({ idleSeconds: 1 })
      const rigged = yield* trusting({ idleTimeout: "1 hour", healthCheckInterval: Infinity })
      const texts = yield* Effect.replicateEffect(textOf(rigged, `${h2o.origin}/`), 50, { concurrency: "unbounded" })
      assert.strictEqual(new Set(texts).size, 1)
      assert.strictEqual((yield* hostOf(rigged, h2o.origin)).opened, 1)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      assert.strictEqual(yield* textOf(rigged, `${h2o.origin}/`), texts[0])
      assert.strictEqual((yield* hostOf(rigged, h2o.origin)).opened, 2)
    }))

  it.scopedLive("D1 P6 sends large bodies side by side, whole, whoever gives theirs up", () =>
    Effect.gen(function*() {
      const h2o = yield* H2o.start({ idleSeconds: 60 })
      const rigged = yield* trusting({ maxConnectionsPerHost: 1 })
      const big = rigged.client.get(`${h2o.origin}/big`)
      const hash = Effect.flatMap(
        big,
        ({ arrayBuffer }) => Effect.map(arrayBuffer, (all) => hashOf(new Uint8Array(all)))
      )
      const half = Effect.flatMap(big, ({ stream }) => Stream.runDrain(Stream.take(stream, 1)))
      const [hashes] = yield* Effect.all([
        Effect.replicateEffect(hash, 3, { concurrency: 3 }),
        Effect.replicateEffect(half, 3, { concurrency: 3 })
      ], { concurrency: 2 })
      assert.deepStrictEqual(hashes, Array.from({ length: 3 }, () => h2o.site.bigHash))
      assert.strictEqual(yield* connectionsOf(rigged), 1)
    }))
})
