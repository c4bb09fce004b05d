import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

describe("limits changed at run time", () => {
  it.scoped("P1: a raised limit serves whoever waits at once, in order", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const all = yield* borrowers(pool, 5)
      yield* pool.reconfigure({ maxConnectionsPerHost: 3 })
      yield* settle
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2])
      assert.include(yield* statsOf(pool), { limit: 3, active: 3, waiting: 2 })
    }))

  it.scoped("P1: so does a raised total limit, over all hosts", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnections: 1 })
      const first = yield* borrow(pool, "a")
      const others = yield* Effect.forEach(["b", "c", "d"], (key) => borrow(pool, key))
      yield* pool.reconfigure({ maxConnections: 3 })
      yield* settle
      assert.deepStrictEqual(yield* holders([first, ...others]), [0, 1, 2])
      assert.include(yield* pool.stats, { limit: 3, active: 3 })
    }))

  it.scoped("P1: a lowered limit closes idle connections now and busy ones after use, no more than it must", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 10 })
      const all = yield* borrowers(pool, 10)
      for (const one of all.slice(0, 2)) yield* one.release
      yield* pool.reconfigure({ maxConnectionsPerHost: 4 })
      yield* settle
      assert.include(yield* statsOf(pool), { limit: 4, active: 8, idle: 0 })
      for (const one of all.slice(2, 5)) assert.isTrue((yield* one.lease).connection.isOpen)
      // all at once: those that are being closed count as gone
      yield* network.delayClose("a", "100 millis")
      yield* Effect.forEach(all.slice(2), (one) => one.release)
      yield* TestClock.adjust("100 millis")
      assert.include(yield* statsOf(pool), { active: 0, idle: 4 })
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { surplus: 6 })
    }))

  it.scoped("P1: below a lowered limit nothing is dialed until there is room", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 4 })
      const all = yield* borrowers(pool, 4)
      yield* pool.reconfigure({ maxConnectionsPerHost: 2 })
      const waiter = yield* borrow(pool)
      yield* all[0]!.release
      yield* all[1]!.release
      // one of the connections that are left is handed over, or none
      assert.isTrue(yield* waiter.waits)
      yield* all[2]!.release
      assert.isTrue(yield* waiter.has)
      assert.strictEqual(yield* network.dialed, 4)
      assert.include(yield* statsOf(pool), { total: 2 })
    }))

  it.scoped("P1: a lowered total limit closes what is idle, on whatever host", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      for (const key of ["a", "b", "c"]) yield* pool.warm(key, 4)
      const holder = yield* borrow(pool, "a")
      yield* pool.reconfigure({ maxConnections: 5 })
      yield* settle
      assert.strictEqual(yield* network.openNow(), 5)
      assert.isTrue((yield* holder.lease).connection.isOpen)
    }))

  it.scoped("P4: fewer idle ones allowed close the surplus at once", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* pool.warm("a", 5)
      yield* pool.warm("b", 5)
      yield* pool.reconfigure({ maxIdlePerHost: 3 })
      yield* settle
      assert.strictEqual(yield* network.openNow(), 6)
      yield* pool.reconfigure({ maxIdle: 2, maxIdlePerHost: 2 })
      yield* settle
      assert.strictEqual(yield* network.openNow(), 2)
    }))

  it.scoped("P1: more places in the queue, and other time limits, are for those who come", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1, maxWaitersPerHost: 0, acquireTimeout: "1 minute" })
      yield* borrow(pool)
      assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "QueueFull")
      yield* pool.reconfigure({ maxWaitersPerHost: 2 })
      const patient = yield* borrow(pool, "a", { timeout: "10 seconds" })
      yield* pool.reconfigure({ acquireTimeout: "2 seconds" })
      const hasty = yield* borrow(pool)
      yield* TestClock.adjust("2 seconds")
      assert.include(yield* hasty.error, { _tag: "AcquireTimeout", timeout: 2000 })
      assert.isTrue(yield* patient.waits)
    }))

  it.scoped("P1: overrides stay in force, and new ones replace them", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ overrides: (key) => key === "a" ? { maxConnectionsPerHost: 2 } : {} })
      yield* ask(pool, "a")
      yield* ask(pool, "b")
      yield* pool.reconfigure({ maxConnectionsPerHost: 50 })
      assert.include(yield* statsOf(pool, "a"), { limit: 2 })
      assert.include(yield* statsOf(pool, "b"), { limit: 50 })
      yield* pool.reconfigure({ overrides: (key) => key === "b" ? { maxConnectionsPerHost: 3 } : {} })
      assert.include(yield* statsOf(pool, "a"), { limit: 50 })
      assert.include(yield* statsOf(pool, "b"), { limit: 3 })
      yield* pool.reconfigure({ overrides: undefined })
      assert.include(yield* statsOf(pool, "b"), { limit: 50 })
    }))

  it.scoped("P8: one part of the breaker's settings leaves the others as they were", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 3, openFor: "7 seconds" } })
      yield* pool.reconfigure({ breaker: { failures: 1 } })
      yield* network.failOpen("a", true)
      yield* Effect.exit(ask(pool))
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "HostUnavailable", retryAfter: 7000 })
    }))
})

describe("a change that is wrong", () => {
  it.scoped("P1: it says what is wrong, and changes nothing", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 2, maxIdle: 7 })
      yield* ask(pool)
      const wrong = yield* Effect.flip(pool.reconfigure({ maxConnectionsPerHost: 50, maxIdle: -1 }))
      assert.include(wrong, { _tag: "ConfigInvalid", field: "maxIdle", value: -1 })
      // against what was given before
      assert.include(yield* Effect.flip(pool.reconfigure({ maxConnections: 1 })), { field: "maxConnectionsPerHost" })
      // in the overrides, which only show it for a host
      const override = yield* Effect.flip(
        pool.reconfigure({ maxConnections: 60, overrides: () => ({ maxConnectionsPerHost: 0 }) })
      )
      assert.include(override, { _tag: "ConfigInvalid", field: "maxConnectionsPerHost" })
      const thrown = yield* Effect.exit(
        pool.reconfigure({
          maxConnections: 60,
          overrides: () => {
            throw new Error("no idea")
          }
        })
      )
      assert.isTrue(Exit.isFailure(thrown))
      assert.include(yield* pool.stats, { limit: 4096 })
      assert.include(yield* statsOf(pool), { limit: 2 })
      yield* ask(pool, "another")
      assert.include(yield* statsOf(pool, "another"), { limit: 2 })
    }))

  it.scoped("P1: a good one is told, by the names of its fields", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      const told = yield* pool.events.pipe(Stream.take(1), Stream.runCollect, Effect.fork)
      yield* settle
      yield* Effect.exit(pool.reconfigure({ maxIdle: -1 }))
      yield* pool.reconfigure({ maxIdle: 10, idleTimeout: "1 second" })
      const event = Chunk.unsafeHead(yield* Fiber.join(told))
      assert.deepStrictEqual(event, { _tag: "Reconfigured", at: 0, fields: ["maxIdle", "idleTimeout"] } as typeof event)
    }))
})
