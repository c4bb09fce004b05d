/** How sessions end: announced or not, at every stage of the requests on them; and which of those are sent again. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import { HttpError, PooledHttpClient } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { causeOf } from "../real/rig.ts"
import * as Frames from "./frames.ts"
import { answers, type RawPeer, rawPeer, type RawSession, saysNothing } from "./rawPeer.ts"
import { http2, quiet } from "./rig.ts"

const text = (response: HttpClientResponse.HttpClientResponse) => response.text
const post = (url: string) => HttpClientRequest.post(url, { body: HttpBody.text("a body") })

/** One request is under way on the first session; what comes after it is answered with "again". */
const underWay = (request: (url: string) => HttpClientRequest.HttpClientRequest, options = {}) =>
  Effect.gen(function*() {
    const peer = yield* rawPeer()
    const ours = yield* http2(options)
    const asking = yield* Effect.fork(Effect.flatMap(ours.client.execute(request(peer.url)), text))
    yield* peer.awaitRequests(1)
    const session = yield* peer.session(0)
    peer.become(answers("again"))
    return { asking, ours, peer, session }
  })

const get = HttpClientRequest.get

describe("a peer that goes away from a session", () => {
  it.scopedLive("P3: what it will look at is answered, what comes later goes elsewhere, and then the session is closed", () =>
    Effect.gen(function*() {
      const { asking, ours, peer, session } = yield* underWay(get)
      session.send(Frames.goaway(1))
      yield* until(
        "it is retired",
        Effect.map(Effect.flatMap(ours.client.get(peer.url), text), () => peer.sessions.length === 2)
      )
      session.send(Frames.headers(1), Frames.data(1, "first", true))
      assert.strictEqual(yield* Fiber.join(asking), "first")
      yield* peer.awaitOpen(1)
      yield* quiet(ours, 1)
    }))

  it.scopedLive("P3: half of a body has come: the rest follows", () =>
    Effect.gen(function*() {
      const { asking, peer, session } = yield* underWay(get)
      session.send(Frames.headers(1), Frames.data(1, "first "), Frames.goaway(1))
      yield* until("we go as well", Effect.sync(() => session.ofType(Frames.Type.goaway).length === 1))
      session.send(Frames.data(1, "and last", true))
      assert.strictEqual(yield* Fiber.join(asking), "first and last")
      yield* peer.awaitOpen(0)
    }))

  it.scopedLive("P3: it announces the end first, and where it is later: nothing is lost", () =>
    Effect.gen(function*() {
      const { asking, peer, session } = yield* underWay(get)
      session.send(Frames.goaway(2 ** 31 - 1))
      yield* until("we go as well", Effect.sync(() => session.ofType(Frames.Type.goaway).length === 1))
      session.send(Frames.goaway(1), Frames.headers(1), Frames.data(1, "first", true))
      assert.strictEqual(yield* Fiber.join(asking), "first")
      yield* peer.awaitOpen(0)
    }))

  it.scopedLive("P3: while nothing is at work: it is closed, and the next request takes another", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(answers("ok"))
      const ours = yield* http2()
      yield* Effect.flatMap(ours.client.get(peer.url), text)
      yield* quiet(ours, 1)
      const session = yield* peer.session(0)
      session.send(Frames.goaway(1))
      yield* peer.awaitOpen(0)
      assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), text), "ok")
      assert.strictEqual(peer.sessions.length, 2)
    }))

  const unlooked: Record<string, (session: RawSession) => void> = {
    "it will not look at it, and goes": (session) => session.send(Frames.goaway(0)),
    "it will not look at it, and goes for a fault": (session) => session.send(Frames.goaway(0, Frames.Code.internal)),
    "it refuses the stream": (session) => session.send(Frames.reset(1, Frames.Code.refused))
  }
  for (const [name, end] of Object.entries(unlooked)) {
    it.scopedLive(`P3: ${name}: even a POST is sent again, and answered once`, () =>
      Effect.gen(function*() {
        const { asking, ours, peer, session } = yield* underWay(post)
        end(session)
        assert.strictEqual(yield* Fiber.join(asking), "again")
        yield* quiet(ours, 1)
        assert.strictEqual(peer.sessions.reduce((sum, { streams }) => sum + streams.length, 0), 2)
        assert.deepStrictEqual(
          (yield* ours.pool.stats).hosts.map(({ addresses }) => addresses.map(({ breaker }) => breaker)),
          [["closed"]]
        )
      }))

    it.scopedLive(`P3: ${name}: but not without end`, () =>
      Effect.gen(function*() {
        const { asking, peer, session } = yield* underWay(post)
        peer.become({
          request: (other, stream) => name.includes("refuses") ? other.send(Frames.reset(stream, 7)) : end(other)
        })
        end(session)
        const { _tag } = yield* causeOf(Fiber.join(asking))
        assert.strictEqual(_tag, "ConnectionLost")
        assert.strictEqual(peer.sessions.reduce((sum, { streams }) => sum + streams.length, 0), 6)
      }))

    it.scopedLive(`P3: ${name}: nor against the setting, nor a stream that was read`, () =>
      Effect.gen(function*() {
        const never = yield* underWay(post, { replay: false })
        end(never.session)
        assert.strictEqual((yield* causeOf(Fiber.join(never.asking)))._tag, "ConnectionLost")
        const body = HttpBody.stream(Stream.make(Buffer.from("once")))
        const stream = yield* underWay((url) => HttpClientRequest.post(url, { body }))
        end(stream.session)
        assert.strictEqual((yield* causeOf(Fiber.join(stream.asking)))._tag, "ConnectionLost")
      }))
  }

  it.scopedLive("P3: of many, those that it will not look at are sent again, on one other session", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer()
      const ours = yield* http2()
      const all = yield* Effect.replicateEffect(
        Effect.fork(Effect.flatMap(ours.client.execute(post(peer.url)), text)),
        20
      )
      yield* peer.awaitRequests(20)
      const session = yield* peer.session(0)
      peer.become(answers("again"))
      session.send(
        Frames.goaway(9),
        ...[1, 3, 5, 7, 9].flatMap((stream) => [Frames.headers(stream), Frames.data(stream, "first", true)])
      )
      const texts = yield* Fiber.join(Fiber.all(all))
      assert.deepStrictEqual(texts.toSorted(), [...Array(15).fill("again"), ...Array(5).fill("first")])
      assert.strictEqual(peer.sessions.length, 2)
      yield* quiet(ours, 1)
    }))
})

const ends: Record<string, (session: RawSession) => void> = {
  "it is closed": (session) => void session.socket.end(),
  "it is reset": (session) => void session.socket.resetAndDestroy(),
  "its peer says what is no HTTP/2": (session) => session.send(Frames.settings({ 2: 5 })),
  "its peer goes for a fault": (session) => session.send(Frames.goaway(1, Frames.Code.internal))
}

describe("a session that dies", () => {
  for (const [name, end] of Object.entries(ends)) {
    it.scopedLive(`P3: ${name} before the answer: the request fails, and the next one is served`, () =>
      Effect.gen(function*() {
        const { asking, ours, peer, session } = yield* underWay(post)
        end(session)
        const cause = yield* causeOf(Fiber.join(asking))
        assert.include(["ConnectionLost", "ResponseMalformed"], cause._tag)
        assert.isAbove(cause.message.length, 20)
        assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), text), "again")
        yield* quiet(ours, 1)
      }))

    it.scopedLive(`P3: ${name} within the answer: what has come is no whole`, () =>
      Effect.gen(function*() {
        const { asking, ours, peer, session } = yield* underWay(get)
        session.send(Frames.headers(1), Frames.data(1, "half"))
        yield* until(
          "it has come",
          Effect.map(ours.pool.stats, () => session.ofType(Frames.Type.settings).length === 2)
        )
        end(session)
        const error = yield* Effect.flip(Fiber.join(asking))
        assert.include(
          ["ConnectionLost", "ResponseMalformed"],
          Option.getOrThrow(HttpError.causeOf(error))._tag
        )
        assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), text), "again")
      }))
  }

  it.scopedLive("P3: it was used before: a GET without an answer is sent again, a POST is not", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(answers("ok"))
      const ours = yield* http2()
      yield* Effect.flatMap(ours.client.get(peer.url), text)
      const dies = (session: RawSession) => session.socket.destroy()
      peer.become({
        request: (session) =>
          void (session === peer.sessions[0]
            ? dies(session)
            : session.send(Frames.headers(1, undefined, { last: true })))
      })
      assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), text), "")
      peer.become({ request: dies })
      assert.strictEqual((yield* causeOf(ours.client.execute(post(peer.url))))._tag, "ConnectionLost")
      assert.strictEqual(peer.sessions.length, 2)
    }))

  it.scopedLive("P3 P9: a thousand streams are cut at once: all fail, none is left, and the next request is served", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer()
      const ours = yield* http2({ maxStreams: 1_000, checkInvariants: false })
      const all = yield* Effect.replicateEffect(Effect.fork(Effect.either(ours.client.execute(post(peer.url)))), 1_000)
      yield* peer.awaitRequests(1_000)
      const session = yield* peer.session(0)
      session.socket.destroy()
      const results = yield* Fiber.join(Fiber.all(all))
      assert.isTrue(results.every(({ _tag }) => _tag === "Left"))
      peer.become(answers("again"))
      assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), text), "again")
      assert.strictEqual(peer.sessions.length, 2)
      yield* quiet(ours, 1)
    }))

  it.scopedLive("P3: a thousand that may be sent again take one other session, not one each", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(answers("ok"))
      const ours = yield* http2({ maxStreams: 1_000, checkInvariants: false })
      yield* Effect.flatMap(ours.client.get(peer.url), text)
      peer.become({})
      const all = yield* Effect.replicateEffect(Effect.fork(Effect.flatMap(ours.client.get(peer.url), text)), 1_000)
      yield* peer.awaitRequests(1_001)
      peer.become(answers("again"))
      const session = yield* peer.session(0)
      session.socket.destroy()
      const texts = yield* Fiber.join(Fiber.all(all))
      assert.isTrue(texts.every((one) => one === "again"))
      assert.strictEqual(peer.sessions.length, 2)
      yield* quiet(ours, 1)
    }))
})

describe("a session that does not begin", () => {
  const failing = (peer: RawPeer) =>
    Effect.map(http2({ connectTimeout: "50 millis" }), ({ client }) => causeOf(client.get(peer.url)))

  it.scopedLive("P8: a peer that never says what it can carry has as long as a dial has", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(saysNothing)
      const cause = yield* Effect.flatten(failing(peer))
      assert.strictEqual(cause._tag, "ConnectTimeout")
      yield* peer.awaitOpen(0)
    }))

  it.scopedLive("P8: one that closes at once, or speaks something else, fails the dial", () =>
    Effect.gen(function*() {
      const closing = yield* rawPeer({ begin: ({ socket }) => void socket.end() })
      assert.strictEqual((yield* Effect.flatten(failing(closing)))._tag, "ConnectFailed")
      const old = yield* rawPeer({
        begin: (session) => {
          session.silent = true
          session.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"))
        }
      })
      assert.strictEqual((yield* Effect.flatten(failing(old)))._tag, "ConnectFailed")
      yield* old.awaitOpen(0)
    }))

  it.scopedLive("P8: one that carries nothing fails the dial in the end, and is not dialed without end", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer({
        begin: (session) => session.send(Frames.settings({ [Frames.Setting.maxConcurrentStreams]: 0 }))
      })
      const { client } = yield* http2({ acquireTimeout: "200 millis" })
      const cause = yield* causeOf(client.get(peer.url).pipe(PooledHttpClient.withOptions({ replay: true })))
      assert.include(["AcquireTimeout", "HostUnavailable"], cause._tag)
      assert.isBelow(peer.sessions.length, 10)
      yield* peer.awaitOpen(0)
    }))
})
