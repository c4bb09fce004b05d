/** The end of a pool, as those see it who use it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Descriptors from "../parts/descriptors.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { causeOf, rig, textOf } from "../real/rig.ts"

const text = "x".repeat(1_000_000)

describe.skipIf(!Descriptors.available)("a shutdown", () => {
  it.scopedLive("P9 lets requests end within the grace, refuses newcomers and those in the queue, closes what is idle", () =>
    Effect.gen(function*() {
      const gate = Faults.gated(Faults.answers(() => Faults.response(text)))
      const busy = yield* Peer.start(gate.behaviour)
      const idle = yield* Peer.start(Faults.answers())
      const rigged = yield* rig({ maxConnectionsPerHost: 1, shutdownGrace: "1 minute" })
      const before = yield* Descriptors.sockets
      yield* textOf(rigged, idle.origin)
      const asking = yield* Effect.fork(textOf(rigged, busy.origin))
      yield* until("the request is there", Effect.sync(() => busy.requests().length === 1))
      const queued = yield* Effect.fork(causeOf(textOf(rigged, busy.origin)))
      yield* until("it waits", Effect.map(rigged.pool.stats, ({ waiting }) => waiting === 1))
      const endings = yield* Effect.replicateEffect(Effect.fork(rigged.pool.shutdown), 3)
      assert.strictEqual((yield* Fiber.join(queued))._tag, "PoolClosed")
      for (const origin of [busy.origin, idle.origin, "http://127.0.0.1:1"]) {
        assert.strictEqual((yield* causeOf(textOf(rigged, origin)))._tag, "PoolClosed")
      }
      yield* idle.awaitOpen(0)
      assert.isTrue(endings.every((ending) => ending.unsafePoll() === null))
      gate.open()
      assert.strictEqual(yield* Fiber.join(asking), text)
      const reports = yield* Effect.forEach(endings, Fiber.join)
      assert.deepInclude(reports[0], { graceful: 2, cut: 0, abandoned: 0 })
      assert.deepStrictEqual([...reports, yield* rigged.pool.shutdown], Array.from({ length: 4 }, () => reports[0]))
      yield* busy.awaitOpen(0)
      yield* Descriptors.awaitSockets(before)
      assert.strictEqual(busy.requests().length, 1)
    }))

  it.scopedLive("P9 a body that is being read as a stream may be read to its end within the grace", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers(() => Faults.response(text)))
      const rigged = yield* rig({ shutdownGrace: "1 minute" })
      const response = yield* rigged.client.get(peer.origin)
      const ending = yield* Effect.fork(rigged.pool.shutdown)
      yield* until("it is closing", Effect.map(Effect.exit(textOf(rigged, peer.origin)), Exit.isFailure))
      const sizes = yield* Stream.runCollect(Stream.map(response.stream, (piece) => piece.length))
      assert.strictEqual([...sizes].reduce((one, other) => one + other, 0), text.length)
      assert.deepInclude(yield* Fiber.join(ending), { graceful: 1, cut: 0 })
      yield* peer.awaitOpen(0)
    }))

  it.scopedLive("P9 cuts what has not ended at the deadline: with a typed error, and none of it is sent again", () =>
    Effect.gen(function*() {
      const silent = yield* Peer.start(Faults.answers())
      const half = yield* Peer.start(Faults.raw([`HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf`]))
      const rigged = yield* rig({ shutdownGrace: "50 millis" })
      const before = yield* Descriptors.sockets
      // On a connection that was used before, where a request that is lost may be sent again.
      yield* textOf(rigged, silent.origin)
      silent.become(Faults.neverAnswers)
      const asking = yield* Effect.fork(causeOf(textOf(rigged, silent.origin)))
      const reading = yield* Effect.fork(Effect.flip(textOf(rigged, half.origin)))
      yield* until("both are there", Effect.map(rigged.pool.stats, ({ active }) => active === 2))
      yield* until("asked", Effect.sync(() => silent.requests().length === 2 && half.requests().length === 1))
      assert.deepInclude(yield* rigged.pool.shutdown, { graceful: 0, cut: 2, abandoned: 0 })
      const lost = yield* Fiber.join(asking)
      assert.include(["ConnectionLost", "PoolClosed"], lost._tag)
      assert.strictEqual((yield* Fiber.join(reading)).reason, "Decode")
      yield* silent.awaitOpen(0)
      yield* half.awaitOpen(0)
      yield* Descriptors.awaitSockets(before)
      assert.deepStrictEqual([silent.accepted(), silent.requests().length], [1, 2])
    }))

  it.scopedLive("P9 a scope that closes does the same; what is asked afterwards is refused", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.neverAnswers)
      const scope = yield* Scope.make()
      const rigged = yield* Scope.extend(rig({ shutdownGrace: 0 }), scope)
      const asking = yield* Effect.fork(Effect.exit(textOf(rigged, peer.origin)))
      yield* until("the request is there", Effect.sync(() => peer.requests().length === 1))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(asking)))
      yield* peer.awaitOpen(0)
      assert.strictEqual((yield* causeOf(textOf(rigged, peer.origin)))._tag, "PoolClosed")
      assert.deepInclude(yield* rigged.pool.shutdown, { cut: 1 })
      assert.strictEqual(peer.accepted(), 1)
    }))
})
