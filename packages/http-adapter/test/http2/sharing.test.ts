/** One session carries many requests: as many as the peer and the settings allow, and no dial more than that takes. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { released } from "../client/rig.ts"
import { until } from "../parts/waiting.ts"
import * as Frames from "./frames.ts"
import { answers, rawPeer } from "./rawPeer.ts"
import { afterBody, type Answer, echo, http2, quiet, serve } from "./rig.ts"

const slowly: Answer = (stream, headers) => setTimeout(() => echo(stream, headers), 20)

const many = (count: number) => Array.from({ length: count }, (_, n) => n)

describe("a session of HTTP/2", () => {
  it.scopedLive("D1 P1: a hundred requests at once take one connection", () =>
    Effect.gen(function*() {
      const site = yield* serve(slowly)
      const ours = yield* http2()
      const texts = yield* Effect.forEach(
        many(100),
        (n) => Effect.flatMap(ours.client.get(`${site.url}/${n}`), ({ text }) => text),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(texts, many(100).map((n) => `/${n}`))
      assert.deepStrictEqual([site.sessions.length, site.peak()], [1, 100])
      yield* quiet(ours, 1)
      const [host] = (yield* ours.pool.stats).hosts
      assert.deepInclude(host, { acquired: 100, reused: 99, opened: 1, active: 0 })
      assert.deepStrictEqual(host?.addresses.map(({ connections, leases }) => [connections, leases]), [[1, 0]])
    }))

  it.scopedLive("D1 P1: its peer says how many it carries; what exceeds that takes further ones", () =>
    Effect.gen(function*() {
      const site = yield* serve(slowly, { settings: { maxConcurrentStreams: 4 } })
      const ours = yield* http2()
      yield* Effect.forEach(many(12), (n) => ours.client.get(`${site.url}/${n}`), { concurrency: "unbounded" })
      assert.strictEqual(site.sessions.length, 3)
      yield* quiet(ours, 3)
    }))

  it.scopedLive("D1 P1: so does the setting `maxStreams`; who finds no room waits, and is served", () =>
    Effect.gen(function*() {
      const site = yield* serve(slowly)
      const ours = yield* http2({ maxStreams: 3, maxConnectionsPerHost: 2 })
      yield* Effect.forEach(many(20), (n) => ours.client.get(`${site.url}/${n}`), { concurrency: "unbounded" })
      assert.strictEqual(site.sessions.length, 2)
      assert.isAtMost(site.peak(), 6)
      yield* quiet(ours, 2)
    }))

  it.scopedLive("P1: a peer that allows more serves those who wait; one that allows fewer takes nobody's away", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer({
        begin: (session) => session.send(Frames.settings({ [Frames.Setting.maxConcurrentStreams]: 2 }))
      })
      const { client, pool } = yield* http2({ maxConnectionsPerHost: 1 })
      const all = yield* Effect.replicateEffect(
        Effect.fork(Effect.flatMap(client.get(peer.url), ({ text }) => text)),
        5
      )
      yield* peer.awaitRequests(2)
      const session = yield* peer.session(0)
      session.send(Frames.settings({ [Frames.Setting.maxConcurrentStreams]: 4 }))
      yield* peer.awaitRequests(4)
      session.send(Frames.settings({ [Frames.Setting.maxConcurrentStreams]: 1 }))
      // the acknowledgement comes after the settings have been taken over
      const acks = Effect.sync(() => session.ofType(Frames.Type.settings).filter(Frames.isAck).length === 3)
      yield* until("it is told", acks)
      for (const stream of session.streams.slice(0, 3)) session.send(Frames.headers(stream, undefined, { last: true }))
      yield* until(
        "three have an answer",
        Effect.map(pool.stats, ({ hosts: [host] }) => host?.addresses[0]?.leases === 1)
      )
      assert.strictEqual(session.streams.length, 4)
      session.send(Frames.headers(session.streams[3] ?? 0, undefined, { last: true }))
      yield* peer.awaitRequests(5)
      session.send(Frames.headers(session.streams[4] ?? 0, undefined, { last: true }))
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(all)), ["", "", "", "", ""])
    }))

  it.scopedLive("P1: one that allows none any more ends with its last request, and another takes its place", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer()
      const { client } = yield* http2()
      const asking = yield* Effect.fork(Effect.flatMap(client.get(peer.url), ({ text }) => text))
      yield* peer.awaitRequests(1)
      const session = yield* peer.session(0)
      session.send(Frames.settings({ [Frames.Setting.maxConcurrentStreams]: 0 }))
      const acks = Effect.sync(() => session.ofType(Frames.Type.settings).filter(Frames.isAck).length === 2)
      yield* until("it is told", acks)
      peer.become(answers("second"))
      assert.strictEqual(yield* Effect.flatMap(client.get(peer.url), ({ text }) => text), "second")
      assert.strictEqual(peer.sessions.length, 2)
      session.send(Frames.headers(1), Frames.data(1, "first", true))
      assert.strictEqual(yield* Fiber.join(asking), "first")
      yield* until("the first is closed", Effect.sync(() => session.closed))
      assert.strictEqual(peer.open(), 1)
    }))

  it.scopedLive("P1: a request whose answer comes early gives its place back, and its stream is cancelled", () =>
    Effect.gen(function*() {
      const site = yield* serve((stream) => {
        stream.respond({ ":status": 413 })
        stream.end("too large")
      })
      const ours = yield* http2()
      const endless = HttpBody.stream(Stream.forever(Stream.make(Buffer.alloc(10_000))))
      const response = yield* ours.client.execute(HttpClientRequest.post(site.url, { body: endless }))
      assert.deepStrictEqual([response.status, yield* response.text], [413, "too large"])
      yield* released(ours.pool)
      yield* site.awaitStreams(0)
      assert.strictEqual(site.open(), 1)
    }))

  it.scopedLive("P8: a head larger than can be sent is refused before it costs the session", () =>
    Effect.gen(function*() {
      const site = yield* serve(slowly)
      const ours = yield* http2()
      const sibling = yield* Effect.fork(Effect.flatMap(ours.client.get(site.url), ({ text }) => text))
      const error = yield* Effect.flip(ours.client.get(site.url, { headers: { "x-large": "x".repeat(70_000) } }))
      assert.deepStrictEqual([error._tag, error.reason], ["RequestError", "Encode"])
      assert.include(error.message, "at most 65536 bytes over HTTP/2")
      assert.strictEqual(yield* Fiber.join(sibling), "/")
      yield* quiet(ours, 1)
      assert.strictEqual(site.sessions.length, 1)
    }))

  it.scopedLive("P1: bodies go out and come back side by side", () =>
    Effect.gen(function*() {
      const site = yield* serve((stream) =>
        afterBody(stream, (body) => {
          stream.respond({ ":status": 200 })
          stream.end(body)
        })
      )
      const ours = yield* http2()
      const sizes = yield* Effect.forEach(
        many(20),
        (n) =>
          ours.client.execute(HttpClientRequest.post(site.url, { body: HttpBody.uint8Array(Buffer.alloc(200_000, n)) }))
            .pipe(
              Effect.flatMap(({ arrayBuffer }) => arrayBuffer),
              Effect.map((bytes) => Buffer.from(bytes).equals(Buffer.alloc(200_000, n)))
            ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(sizes, many(20).map(() => true))
      yield* quiet(ours, 1)
      assert.strictEqual(site.sessions.length, 1)
    }))
})
