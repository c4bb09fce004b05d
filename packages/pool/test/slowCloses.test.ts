import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"

describe("closes that are slow or hang", () => {
  it.scoped("S3: the eviction of one host's connections does not hold up that of another's", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ closeTimeout: "10 seconds" })
      yield* pool.warm("a", 3)
      yield* pool.warm("b", 3)
      yield* network.hangClose("a", true)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* network.openNow("b"), 0)
      assert.include(yield* statsOf(pool, "a"), { closing: 3, idle: 0, total: 0 })
      yield* network.hangClose("a", false)
    }))

  it.scoped("S3: while they go on, the host lends, dials and evicts as ever", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ closeTimeout: "30 seconds", idleTimeout: "10 seconds" })
      yield* pool.warm("a", 3)
      yield* network.hangClose("a", true)
      yield* TestClock.adjust("10 seconds")
      assert.include(yield* statsOf(pool), { closing: 3 })
      assert.strictEqual(yield* ask(pool), 4)
      assert.strictEqual(yield* ask(pool), 4)
      const two = yield* borrowers(pool, 2)
      for (const one of two) yield* one.release
      yield* network.hangClose("a", false)
      yield* network.delayClose("a", "1 second")
      yield* TestClock.adjust("10 seconds")
      assert.include(yield* statsOf(pool), { closing: 2, idle: 0 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("S3: a whole sweep of them is begun at once, not one after the other", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ closeTimeout: "5 seconds" })
      yield* pool.warm("a", 50)
      yield* network.delayClose("a", "1 second")
      yield* TestClock.adjust("60 seconds")
      assert.include(yield* statsOf(pool), { closing: 50 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("S3: a close that hangs is given up, with its permit restored and an event", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, closeTimeout: "2 seconds" })
      const told = yield* pool.events.pipe(
        Stream.filter((event) => event._tag === "Abandoned"),
        Stream.take(1),
        Stream.runCollect,
        Effect.fork
      )
      yield* ask(pool)
      yield* network.hangClose("a", true)
      yield* pool.retire("a")
      const waiter = yield* borrow(pool)
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(yield* waiter.waits)
      assert.include(yield* statsOf(pool), { closing: 1, abandoned: 0 })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* waiter.lease).connection.id, 2)
      assert.include(yield* statsOf(pool), { closing: 0, abandoned: 1, active: 1, closed: 0 })
      assert.include(Chunk.unsafeHead(yield* Fiber.join(told)), { host: "a", reason: "retired" })
      // it may still come to an end
      yield* network.hangClose("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { abandoned: 0, active: 1, closed: 1 })
    }))

  it.scoped("S3: what the peer closed is given the same time", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* ask(pool)
      yield* network.hangClose("a", true)
      const [connection] = yield* network.connections("a")
      yield* network.closeFromPeer(connection!)
      const waiter = yield* borrow(pool)
      assert.isTrue(yield* waiter.waits)
      yield* TestClock.adjust("400 millis")
      assert.isTrue(yield* waiter.has)
      yield* network.hangClose("a", false)
    }))
})
