import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"

describe("giving a connection back", () => {
  it.scoped("S1: twice does nothing the second time", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const lease = yield* pool.lease("a")
      const next = yield* borrow(pool)
      const after = yield* borrow(pool)
      yield* lease.release(Exit.void)
      yield* settle
      assert.isTrue(yield* next.has)
      // its holder is another one by now
      yield* lease.release(Exit.void)
      lease.unsafeRelease(Exit.interrupt(yield* Effect.fiberId))
      yield* lease.discard("too late")
      yield* lease.retire("too late")
      yield* lease.reportFailure("too late")
      yield* settle
      assert.isTrue((yield* next.lease).connection.isOpen)
      assert.isTrue(yield* after.waits)
      assert.include(yield* statsOf(pool), { active: 1, closed: 0, acquired: 2 })
    }))

  it.scoped("S1: outside any fiber", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const lease = yield* pool.lease("a")
      const next = yield* borrow(pool)
      lease.unsafeRelease(Exit.void)
      yield* settle
      assert.isTrue((yield* next.lease).reused)
    }))

  it.scoped("S1: a discarded connection is closed at once; its lease may end whenever it likes", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const lease = yield* pool.lease("a")
      yield* lease.discard("it smells")
      yield* settle
      assert.isFalse(lease.connection.isOpen)
      const next = yield* borrow(pool)
      assert.strictEqual((yield* next.lease).connection.id, 2)
      yield* lease.discard("it still does")
      yield* lease.release(Exit.void)
      yield* settle
      assert.deepInclude(yield* statsOf(pool), { active: 1, closed: 1, closedBy: { discarded: 1 } })
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("S1: discarding ends every lease of a connection that carries several", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({}, { capacity: 3 })
      const [one, other] = yield* borrowers(pool, 2)
      yield* (yield* one!.lease).discard("broken")
      yield* settle
      assert.isFalse((yield* other!.lease).connection.isOpen)
      yield* other!.release
      yield* one!.release
      assert.deepInclude(yield* statsOf(pool), { total: 0, closed: 1, closedBy: { discarded: 1 } })
    }))

  it.scoped("S1: a retired connection is closed when its last lease ends", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({}, { capacity: 3 })
      const [one, other] = yield* borrowers(pool, 2)
      const { connection, retire } = yield* one!.lease
      yield* retire.call(yield* one!.lease, "Connection: close")
      yield* one!.release
      assert.isTrue(connection.isOpen)
      assert.strictEqual(yield* ask(pool), 2)
      yield* other!.release
      assert.isFalse(connection.isOpen)
      assert.deepInclude(yield* statsOf(pool), { idle: 1, closedBy: { retired: 1 } })
    }))

  it.scoped("S1: a close that hangs is given up after its limit: its permit is back, and it is told", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, closeTimeout: "2 seconds" })
      const events = yield* Effect.fork(
        Stream.runCollect(Stream.filter(pool.events, ({ _tag }) => _tag === "Abandoned"))
      )
      yield* settle
      yield* network.hangClose("a", true)
      const caller = yield* borrow(pool)
      const next = yield* borrow(pool)
      yield* caller.interrupt
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(yield* next.waits)
      assert.include(yield* statsOf(pool), { closing: 1, abandoned: 0 })
      yield* TestClock.adjust("1 millis")
      assert.isTrue(yield* next.has)
      assert.include(yield* statsOf(pool), { closing: 0, abandoned: 1, active: 1, opened: 2, closed: 0 })
      // it ends after all: nothing is counted twice
      yield* network.hangClose("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { abandoned: 0, active: 1, opened: 2, closed: 1 })
      yield* pool.shutdown
      assert.deepStrictEqual(Array.from(yield* Fiber.join(events)), [
        { _tag: "Abandoned", at: 2000, host: "a", connection: 1, address: "10.0.0.1", reason: "interrupted" }
      ])
    }))

  it.scoped("S1: hanging closes cost no more than their limit, however many there are", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 3, closeTimeout: "1 second" })
      yield* network.hangClose("a", true)
      for (let round = 1; round <= 4; round++) {
        const all = yield* borrowers(pool, 3)
        for (const one of all) yield* one.interrupt
        yield* TestClock.adjust("1 second")
        assert.include(yield* statsOf(pool), { total: 0, closing: 0, abandoned: 3 * round })
      }
      yield* network.hangClose("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { abandoned: 0, opened: 12, closed: 12 })
    }))

  it.scoped("S1: a close that hangs after a failed dial costs its caller its limit, and hides no error", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnectionsPerHost: 1,
        connectTimeout: Infinity,
        closeTimeout: "1 second"
      })
      yield* network.failOpen("a", true)
      yield* network.hangClose("a", true)
      const caller = yield* borrow(pool)
      const next = yield* borrow(pool)
      assert.include(yield* statsOf(pool), { connecting: 1, waiting: 1 })
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* caller.error)._tag, "Refused")
      assert.isTrue(yield* next.has)
      assert.include(yield* statsOf(pool), { active: 1, connecting: 0, failed: 1 })
      yield* network.hangClose("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { active: 1, connecting: 0, failed: 1, closed: 0 })
      assert.strictEqual(yield* network.openNow("a"), 1)
    }))

  it.scoped("S1 S2: after the pool has closed it does nothing", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const lease = yield* pool.lease("a")
      const report = yield* pool.shutdown
      assert.deepInclude(report, { graceful: 0, cut: 1, abandoned: 0 })
      assert.isFalse(lease.connection.isOpen)
      yield* lease.release(Exit.void)
      lease.unsafeRelease(Exit.void)
      yield* lease.discard("closed")
      yield* lease.retire("closed")
      yield* lease.reportFailure("closed")
      assert.deepInclude(yield* pool.stats, { total: 0, closing: 0, hosts: [] })
      assert.strictEqual(yield* network.openNow(), 0)
      const error = yield* Effect.flip(ask(pool))
      assert.include(error, { _tag: "PoolClosed", host: "a", active: 0, idle: 0, waited: 0 })
    }))

  it.scoped("S1: connections over a limit, or over the limit of idle ones, are closed when they come back", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxIdlePerHost: 2, maxIdle: 3 })
      const a = yield* borrowers(pool, 3, "a")
      const b = yield* borrowers(pool, 2, "b")
      for (const one of [...a, ...b]) yield* one.release
      assert.deepInclude(yield* statsOf(pool, "a"), { idle: 2, closedBy: { surplus: 1 } })
      assert.deepInclude(yield* statsOf(pool, "b"), { idle: 1, closedBy: { surplus: 1 } })
    }))

  it.scoped("S1: a connection that was lent as often as it may be is closed", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxUses: 3 })
      const served: Array<number> = []
      for (let n = 0; n < 7; n++) served.push(yield* ask(pool))
      assert.deepStrictEqual(served, [1, 1, 1, 2, 2, 2, 3])
      assert.deepInclude(yield* statsOf(pool), { closedBy: { used: 2 }, acquired: 7, reused: 4 })
    }))
})
