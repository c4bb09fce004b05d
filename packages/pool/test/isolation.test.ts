import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

describe("one host and another", () => {
  it.scoped("P8: dials that hang delay no other host", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.hangOpen("dead", true)
      const stuck = yield* borrowers(pool, 40, "dead")
      assert.strictEqual(yield* ask(pool, "b"), 33)
      assert.deepStrictEqual(yield* holders(stuck), [])
    }))

  it.scoped("P8: a resolver that hangs delays no other host", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.hangResolve("dead", true)
      const stuck = yield* borrow(pool, "dead")
      assert.strictEqual(yield* ask(pool, "b"), 1)
      assert.isTrue(yield* stuck.waits)
      yield* TestClock.adjust("5 seconds")
      assert.include(yield* stuck.error, { _tag: "ResolveTimeout", host: "dead", timeout: 5000 })
      yield* network.hangResolve("dead", false)
    }))

  it.scoped("P8: resolvers that hang hold their slots no longer than their time limit", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxResolving: 2, resolveTimeout: "1 second" })
      for (const key of ["x", "y", "z"]) yield* network.hangResolve(key, true)
      for (const key of ["x", "y", "z"]) yield* borrow(pool, key)
      const waiting = yield* borrow(pool, "b")
      assert.strictEqual(yield* network.peakResolving, 2)
      assert.isTrue(yield* waiting.waits)
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* waiting.has)
      for (const key of ["x", "y", "z"]) yield* network.hangResolve(key, false)
    }))

  it.scoped("P8: a host at its limit, its queue full, delays no other host", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 3, maxWaitersPerHost: 3 })
      yield* borrowers(pool, 6, "full")
      assert.strictEqual((yield* Effect.flip(ask(pool, "full")))._tag, "QueueFull")
      for (let turn = 0; turn < 10; turn++) assert.strictEqual(yield* ask(pool, "b"), 4)
      assert.include(yield* statsOf(pool, "b"), { acquired: 10, waiting: 0 })
    }))

  it.scoped("P8: closes that hang delay no other host", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* network.hangClose("stuck", true)
      const held = yield* borrow(pool, "stuck")
      yield* held.interrupt
      assert.include(yield* statsOf(pool, "stuck"), { closing: 1 })
      assert.strictEqual(yield* ask(pool, "b"), 2)
      yield* network.hangClose("stuck", false)
    }))

  it.scoped("P8: a dead host's dials leave the rest of the total limit to the others", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 40 })
      yield* network.hangOpen("dead", true)
      const stuck = yield* borrowers(pool, 100, "dead")
      assert.include(yield* pool.stats, { connecting: 32, total: 0 })
      const living = yield* borrowers(pool, 8, "b")
      assert.deepStrictEqual(yield* holders(living), [0, 1, 2, 3, 4, 5, 6, 7])
      const next = yield* borrow(pool, "b")
      assert.isTrue(yield* next.waits)
      yield* living[3]!.release
      assert.isTrue(yield* next.has)
      assert.deepStrictEqual(yield* holders(stuck), [])
      assert.strictEqual(yield* network.peakOpen(), 40)
      yield* network.hangOpen("dead", false)
    }))

  it.scoped("P8: nearly all of it taken by a dead host, another one still gets its turn when a dial ends", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnections: 4,
        maxConnectingPerHost: 4,
        connectTimeout: "1 second",
        breaker: { failures: Infinity }
      })
      yield* network.hangOpen("dead", true)
      const stuck = yield* borrowers(pool, 20, "dead")
      const living = yield* borrowers(pool, 3, "b")
      assert.deepStrictEqual(yield* holders(living), [])
      yield* TestClock.adjust("1 second")
      yield* settle
      // of four permits that became free, the two hosts had every other one
      assert.isAtLeast((yield* holders(living)).length, 1)
      assert.strictEqual((yield* stuck[0]!.error)._tag, "ConnectTimeout")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(living), [0, 1, 2])
      assert.strictEqual(yield* network.peakOpen(), 4)
      yield* network.hangOpen("dead", false)
    }))

  it.scoped("P8: a host that fails, again and again, opens only its own breaker", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 3 } })
      yield* network.failOpen("dead", true)
      for (let turn = 0; turn < 10; turn++) {
        yield* Effect.flip(ask(pool, "dead"))
        assert.strictEqual(yield* ask(pool, "b"), yield* ask(pool, "b"))
      }
      assert.include(yield* statsOf(pool, "dead"), { failed: 3 })
      assert.include(yield* statsOf(pool, "b"), { failed: 0, opened: 1, acquired: 20 })
    }))
})
