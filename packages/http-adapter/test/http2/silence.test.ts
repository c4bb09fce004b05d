/** A peer that owes an answer and says nothing is asked by a PING, and given up when it does not answer in time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { until } from "../parts/waiting.ts"
import { causeOf } from "../real/rig.ts"
import * as Frames from "./frames.ts"
import { answers, rawPeer, type RawSession } from "./rawPeer.ts"
import { http2, quiet } from "./rig.ts"

const options = { pingInterval: "10 seconds", pingTimeout: "3 seconds" } as const

const pings = (session: RawSession) => Effect.sync(() => session.ofType(Frames.Type.ping).length)
const asked = (session: RawSession, times: number) =>
  until(`it is asked ${times} times`, Effect.map(pings(session), (count) => count === times))

/** One request is under way. Time goes by as the test says, sockets do not care. */
const underWay = Effect.gen(function*() {
  const peer = yield* rawPeer()
  const ours = yield* http2({ ...options, healthCheckInterval: Infinity, replay: false })
  const asking = yield* Effect.fork(Effect.flatMap(ours.client.get(peer.url), ({ text }) => text))
  yield* peer.awaitRequests(1)
  return { asking, ours, peer, session: yield* peer.session(0) }
})

describe("a silent peer of HTTP/2", () => {
  it.scoped("P3 P8: it is asked after `pingInterval` and given up after `pingTimeout`, with all its streams", () =>
    Effect.gen(function*() {
      const { asking, ours, peer, session } = yield* underWay
      const others = yield* Effect.replicateEffect(Effect.fork(Effect.flip(ours.client.get(peer.url))), 9)
      yield* peer.awaitRequests(10)
      session.silent = true
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* pings(session), 0)
      yield* TestClock.adjust("1 millis")
      yield* asked(session, 1)
      yield* TestClock.adjust("2999 millis")
      assert.deepInclude(yield* ours.pool.stats, { active: 1 })
      yield* TestClock.adjust("1 millis")
      const cause = yield* causeOf(Fiber.join(asking))
      assert.strictEqual(cause._tag, "ConnectionLost")
      assert.include(cause.message, "no answer to a PING within 3000 ms")
      yield* Fiber.join(Fiber.all(others))
      yield* peer.awaitOpen(0)
      yield* quiet(ours, 0)
    }))

  it.scoped("P3: one that answers is asked again and again, and the request goes on", () =>
    Effect.gen(function*() {
      const { asking, peer, session } = yield* underWay
      for (const time of [1, 2, 3]) {
        yield* TestClock.adjust("10 seconds")
        yield* asked(session, time)
        // what it sends after its answer comes after it
        session.send(Frames.headers(1, [[":status", "103"]]))
        yield* until("its answer is there", Effect.map(pings(session), () => session.frames.length > 3))
        yield* TestClock.adjust("3 seconds")
      }
      session.send(Frames.headers(1), Frames.data(1, "late", true))
      assert.strictEqual(yield* Fiber.join(asking), "late")
      assert.strictEqual(peer.open(), 1)
    }))

  it.scoped("P3: one that sends is not asked", () =>
    Effect.gen(function*() {
      const { asking, session } = yield* underWay
      session.send(Frames.headers(1))
      for (let time = 0; time < 5; time++) {
        const before = session.ofType(Frames.Type.windowUpdate).length
        session.send(Frames.data(1, Buffer.alloc(16_384)), Frames.ping())
        const answered = Effect.sync(() => session.ofType(Frames.Type.ping).filter(Frames.isAck).length > time)
        yield* until("it is read", answered)
        assert.isAtLeast(session.ofType(Frames.Type.windowUpdate).length, before)
        yield* TestClock.adjust("9 seconds")
      }
      assert.strictEqual(session.ofType(Frames.Type.ping).filter((frame) => !Frames.isAck(frame)).length, 0)
      yield* Fiber.interrupt(asking)
    }))

  it.scoped("P3: one that has announced its end is asked as well", () =>
    Effect.gen(function*() {
      const { asking, ours, peer, session } = yield* underWay
      session.send(Frames.goaway(1))
      yield* until("we go as well", Effect.sync(() => session.ofType(Frames.Type.goaway).length === 1))
      const before = session.ofType(Frames.Type.settings).length
      yield* TestClock.adjust("10 seconds")
      yield* until("it is asked", Effect.sync(() => session.ofType(Frames.Type.settings).length === before + 1))
      yield* until("its answer is there", Effect.map(ours.pool.stats, () => session.frames.length > 0))
      session.silent = true
      yield* Effect.iterate(0, {
        while: () => session.closed === false && peer.open() === 1,
        body: (n) =>
          Effect.as(
            Effect.zipLeft(TestClock.adjust("1 seconds"), Effect.promise(() => new Promise((go) => setTimeout(go, 5)))),
            n + 1
          )
      })
      assert.strictEqual((yield* causeOf(Fiber.join(asking)))._tag, "ConnectionLost")
    }))

  it.scoped("P3: while nothing is awaited of it nobody asks", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(answers("ok"))
      const ours = yield* http2({ ...options, healthCheckInterval: Infinity, idleTimeout: "1 hour" })
      yield* Effect.flatMap(ours.client.get(peer.url), ({ text }) => text)
      yield* quiet(ours, 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* pings(yield* peer.session(0)), 0)
    }))

  it.scoped("P3: an idle session is checked by a PING, not by a request", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(answers("ok"))
      const ours = yield* http2({
        healthCheckInterval: "10 seconds",
        healthCheckTimeout: "3 seconds",
        idleTimeout: "1 hour"
      })
      yield* Effect.flatMap(ours.client.get(peer.url), ({ text }) => text)
      yield* quiet(ours, 1)
      const session = yield* peer.session(0)
      yield* TestClock.adjust("10 seconds")
      yield* asked(session, 1)
      yield* until("it is proven", Effect.map(ours.pool.stats, ({ idle }) => idle === 1))
      assert.strictEqual(session.streams.length, 1)
      session.silent = true
      yield* Effect.iterate(0, {
        while: () => peer.open() === 1,
        body: (n) =>
          Effect.as(
            Effect.zipLeft(TestClock.adjust("1 seconds"), Effect.promise(() => new Promise((go) => setTimeout(go, 5)))),
            n + 1
          )
      })
      yield* quiet(ours, 0)
    }))
})
