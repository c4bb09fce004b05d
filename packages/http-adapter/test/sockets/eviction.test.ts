/** Connections that nobody has used for a while. In virtual time, over real sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as Descriptors from "../parts/descriptors.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { connectionsOf, hostOf, rig, textOf } from "../real/rig.ts"

// In virtual time a check would be over before the peer could answer.
const options = { healthCheck: "socketOnly", idleTimeout: "60 seconds", maxLifetime: Infinity } as const

describe("idle connections", () => {
  it.scoped.skipIf(!Descriptors.available)(
    "P4 are closed after the idle timeout, on both sides; one that is lent is not",
    () =>
      Effect.gen(function*() {
        const gate = Faults.gated()
        const peer = yield* Peer.start(Faults.delayed(20))
        const rigged = yield* rig(options)
        const before = yield* Descriptors.sockets
        yield* Effect.replicateEffect(textOf(rigged, peer.origin), 5, { concurrency: 5 })
        peer.become(gate.behaviour)
        const asking = yield* Effect.fork(textOf(rigged, peer.origin))
        yield* until("the request is there", Effect.sync(() => peer.requests().length === 6))
        yield* TestClock.adjust("59999 millis")
        assert.deepInclude(yield* rigged.pool.stats, { active: 1, idle: 4 })
        assert.strictEqual(yield* Descriptors.sockets, before + 10)
        yield* TestClock.adjust("1 millis")
        yield* peer.awaitOpen(1)
        assert.deepInclude(yield* hostOf(rigged, peer.origin), { active: 1, idle: 0, closedBy: { idle: 4 } })
        yield* TestClock.adjust("10 minutes")
        gate.open()
        assert.strictEqual(yield* Fiber.join(asking), "ok")
        yield* TestClock.adjust("59999 millis")
        assert.strictEqual(peer.open(), 1)
        yield* TestClock.adjust("1 millis")
        yield* peer.awaitOpen(0)
        yield* Descriptors.awaitSockets(before)
      })
  )

  it.scoped("P4 at the very moment of its eviction a connection is either lent or closed, and no request fails", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const rigged = yield* rig(options)
      let evicted = 0
      for (let round = 0; round < 40; round++) {
        // Those who sleep until the same moment wake up in the order in which they lay down: the evictor first, or it second.
        const late = Effect.delay(textOf(rigged, peer.origin), `${60_000 + round % 3 - 1} millis`)
        const early = round % 2 === 0 ? yield* Effect.fork(late) : undefined
        if (early !== undefined) yield* Effect.yieldNow()
        yield* textOf(rigged, peer.origin)
        const asking = early ?? (yield* Effect.fork(late))
        yield* Effect.yieldNow()
        const accepted = peer.accepted()
        yield* TestClock.adjust("60001 millis")
        assert.strictEqual(yield* Fiber.join(asking), "ok")
        yield* until("both see the same", Effect.map(connectionsOf(rigged), (count) => count === peer.open()))
        if (peer.accepted() > accepted) evicted++
      }
      // Had one been sent on a connection that was being closed, it would have been sent again.
      assert.strictEqual(peer.requests().length, 80)
      assert.isAbove(evicted, 0)
      assert.isBelow(evicted, 40)
    }))
})
