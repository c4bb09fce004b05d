import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"

describe("the floor of idle connections, filled up", () => {
  it.scoped("P4: a host that was used once gets its minIdle connections, and again when they are lent", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 3 })
      yield* ask(pool)
      yield* TestClock.adjust("1 second")
      assert.include(yield* statsOf(pool), { idle: 3, active: 0 })
      const two = yield* borrowers(pool, 2)
      assert.include(yield* statsOf(pool), { idle: 3, active: 2 })
      for (const one of two) yield* one.release
      assert.strictEqual(yield* network.dialed, 5)
      yield* TestClock.adjust("61 seconds")
      assert.include(yield* statsOf(pool), { idle: 3 })
    }))

  it.scoped("P4: what dies is replaced", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 2 })
      yield* ask(pool)
      // past the time in which a peer that closes them would look like one that has never meant it
      yield* TestClock.adjust("2 seconds")
      for (const connection of yield* network.connections("a")) yield* network.closeFromPeer(connection)
      yield* settle
      assert.include(yield* statsOf(pool), { idle: 2 })
      assert.strictEqual(yield* network.dialed, 4)
    }))

  it.scoped("P4: only hosts that are used have a floor, and each has its own", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ overrides: (key) => key === "a" ? { minIdle: 2 } : {} })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* network.dialed, 0)
      yield* ask(pool, "a")
      yield* ask(pool, "b")
      yield* TestClock.adjust("1 second")
      assert.isAtLeast((yield* statsOf(pool, "a")).idle, 2)
      assert.include(yield* statsOf(pool, "b"), { idle: 1 })
    }))

  it.scoped("P4: while dials fail it holds back more and more, and recovers when they succeed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 2, breaker: { failures: Infinity } })
      yield* network.failOpen("a", true)
      yield* Effect.exit(ask(pool))
      yield* TestClock.adjust("10 seconds")
      const soon = yield* network.dialed
      assert.isAtMost(soon, 25)
      yield* TestClock.adjust("20 seconds")
      assert.isAtMost((yield* network.dialed) - soon, 12)
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("6 seconds")
      assert.include(yield* statsOf(pool), { idle: 2 })
    }))

  it.scoped("P4: an open breaker is waited for", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 1, breaker: { failures: 1, openFor: "20 seconds" } })
      yield* network.failOpen("a", true)
      yield* Effect.exit(ask(pool))
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(yield* network.dialed, 1)
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("3 seconds")
      assert.include(yield* statsOf(pool), { idle: 1 })
    }))

  it.scoped("P4: a resolver that fails is asked once a second, not without end", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 1 })
      yield* network.failResolve("a", true)
      yield* Effect.exit(ask(pool))
      yield* settle
      assert.isAtMost(yield* network.resolved("a"), 3)
      yield* TestClock.adjust("5 seconds")
      assert.isAtMost(yield* network.resolved("a"), 8)
      yield* network.failResolve("a", false)
      yield* TestClock.adjust("2 seconds")
      assert.include(yield* statsOf(pool), { idle: 1 })
    }))

  it.scoped("P4 P1: it takes no permit beyond the limits, and none that somebody waits for", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 2, maxConnectionsPerHost: 3, maxConnections: 4 })
      const three = yield* borrowers(pool, 3)
      assert.strictEqual(yield* network.peakOpen("a"), 3)
      const other = yield* borrow(pool, "b")
      const waiting = yield* borrow(pool, "b")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* network.peakOpen(), 4)
      yield* three[0]!.release
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* waiting.has)
      yield* other.release
      assert.isAtMost(yield* network.peakOpen(), 4)
    }))

  it.scoped("P4: it opens nothing that would have to be closed for being one idle connection too many", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 3, maxIdle: 4 })
      yield* ask(pool, "a")
      yield* ask(pool, "b")
      yield* TestClock.adjust("5 seconds")
      assert.include(yield* pool.stats, { idle: 4 })
      assert.isAtMost(yield* network.dialed, 5)
    }))

  it.scoped("P4: nor does warming up, which ends with as many as may be idle", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxIdlePerHost: 3, maxIdle: 5 })
      yield* pool.warm("a", 8)
      assert.include(yield* statsOf(pool, "a"), { idle: 3 })
      yield* pool.warm("b", 8)
      assert.include(yield* statsOf(pool, "b"), { idle: 2 })
      assert.strictEqual(yield* network.dialed, 5)
    }))

  it.scoped("P4: a raised floor is filled at once, a lowered one lets go", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 1 })
      yield* ask(pool)
      yield* TestClock.adjust("1 second")
      yield* pool.reconfigure({ minIdle: 4 })
      yield* settle
      assert.include(yield* statsOf(pool), { idle: 4 })
      yield* pool.reconfigure({ minIdle: 0 })
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* network.openNow(), 0)
    }))
})
