import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

describe("the queue", () => {
  it.scoped("P1: first in, first out", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const all = yield* borrowers(pool, 6)
      for (let served = 0; served < 6; served++) {
        assert.deepStrictEqual(yield* holders(all), Array.from({ length: served + 1 }, (_, index) => index))
        yield* all[served]!.release
      }
    }))

  it.scoped("P1: a newcomer does not overtake whoever waits", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const order: Array<string> = []
      const first = yield* borrow(pool)
      const waiter = yield* Effect.fork(pool.use("a", () => Effect.sync(() => order.push("waiter"))))
      yield* settle
      // in one turn: the connection comes back, and somebody else asks
      yield* Effect.zipRight(first.release, pool.use("a", () => Effect.sync(() => order.push("newcomer"))))
      yield* Fiber.join(waiter)
      assert.deepStrictEqual(order, ["waiter", "newcomer"])
    }))

  it.scoped("P1: a releaser that asks again at once goes to the end of the queue", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const order: Array<string> = []
      const note = (name: string) =>
        pool.use("a", () => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => order.push(name))))
      const greedy = yield* Effect.fork(Effect.all([note("1"), note("2"), note("3")]))
      const other = yield* Effect.fork(note("other"))
      yield* Fiber.join(other)
      yield* Fiber.join(greedy)
      assert.strictEqual(order.indexOf("other"), 1)
    }))

  it.scoped("P1: the waiter after the last place is refused at once, without a permit", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2, maxWaitersPerHost: 3 })
      const all = yield* borrowers(pool, 5)
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(ask(pool))
      assert.include(error, {
        _tag: "QueueFull",
        host: "a",
        maxWaiters: 3,
        waited: 0,
        active: 2,
        idle: 0,
        connecting: 0,
        closing: 0,
        waiting: 3,
        limit: 2
      })
      assert.include(error.message, "a: the queue of 3 waiters is full")
      // those that wait are not touched by it, and a place that becomes free is one
      yield* all[0]!.release
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2])
      const next = yield* borrow(pool)
      assert.isTrue(yield* next.waits)
      assert.strictEqual(yield* network.dialed, 2)
    }))

  it.scoped("P1: without any place in the queue, what can be dialed still is", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnectionsPerHost: 3,
        maxWaitersPerHost: 0,
        maxConnectingPerHost: 1
      })
      yield* network.delayOpen("a", "1 second")
      const all = yield* borrowers(pool, 4)
      assert.strictEqual((yield* all[3]!.error)._tag, "QueueFull")
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2])
    }))

  it.scoped("P1: the first callers of a host wait for its addresses, and only those too many are refused", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2, maxWaitersPerHost: 1 })
      yield* network.hangResolve("a", true)
      const all = yield* borrowers(pool, 4)
      assert.deepStrictEqual(yield* Effect.all(all.map((one) => one.waits)), [true, true, true, false])
      assert.strictEqual((yield* all[3]!.error)._tag, "QueueFull")
      yield* network.hangResolve("a", false)
      yield* settle
      assert.deepStrictEqual(yield* holders(all), [0, 1])
      assert.strictEqual(yield* network.resolved("a"), 1)
    }))

  it.scoped("P1: the queue is bounded as well where only the total limit is short", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnections: 2, maxWaitersPerHost: 1 })
      const all = yield* borrowers(pool, 4)
      assert.deepStrictEqual(yield* holders(all), [0, 1])
      assert.isTrue(yield* all[2]!.waits)
      assert.strictEqual((yield* all[3]!.error)._tag, "QueueFull")
    }))

  it.scoped("P1: a host without a limit of its own has a bounded queue all the same", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: Infinity, maxConnections: 2, maxWaitersPerHost: 1 })
      const all = yield* borrowers(pool, 4)
      assert.isTrue(yield* all[2]!.waits)
      assert.strictEqual((yield* all[3]!.error)._tag, "QueueFull")
    }))
})

describe("the time limit of an acquire", () => {
  it.scoped("P1: it says who held what, and since when", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 2, acquireTimeout: "3 seconds" })
      yield* borrowers(pool, 2)
      yield* TestClock.adjust("1 second")
      const [late, later] = yield* borrowers(pool, 2)
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(yield* late!.waits)
      yield* TestClock.adjust("1 millis")
      const error = yield* late!.error
      assert.include(error, {
        _tag: "AcquireTimeout",
        host: "a",
        timeout: 3000,
        waited: 3000,
        active: 2,
        idle: 0,
        connecting: 0,
        closing: 0,
        waiting: 2,
        limit: 2,
        heldByCaller: 0,
        lastFailure: undefined
      })
      assert.strictEqual(
        error.message,
        "a: no connection within 3000 ms (waited 3000 ms; active 2, idle 0, connecting 0, closing 0, waiting 2, limit 2)"
      )
      assert.strictEqual((yield* later!.error)._tag, "AcquireTimeout")
      assert.strictEqual((yield* statsOf(pool)).waiting, 0)
    }))

  it.scoped("P1: a call may have its own, shorter or longer", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1, acquireTimeout: "10 seconds" })
      const holder = yield* borrow(pool)
      const patient = yield* borrow(pool, "a", { timeout: "1 minute" })
      const usual = yield* borrow(pool)
      const hasty = yield* borrow(pool, "a", { timeout: "200 millis" })
      const forever = yield* borrow(pool, "a", { timeout: Infinity })
      yield* TestClock.adjust("200 millis")
      assert.include(yield* hasty.error, { _tag: "AcquireTimeout", timeout: 200, waited: 200 })
      assert.isTrue(yield* usual.waits)
      yield* TestClock.adjust("9800 millis")
      assert.include(yield* usual.error, { _tag: "AcquireTimeout", timeout: 10_000 })
      yield* TestClock.adjust("50 seconds")
      assert.include(yield* patient.error, { _tag: "AcquireTimeout", timeout: 60_000 })
      yield* TestClock.adjust("2 minutes")
      assert.isTrue(yield* forever.waits)
      yield* holder.release
      assert.isTrue(yield* forever.has)
    }))

  it.scoped("P1: it runs while the dial hangs, and while the addresses are being found", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        acquireTimeout: "1 second",
        connectTimeout: Infinity,
        resolveTimeout: Infinity
      })
      yield* network.hangOpen("a", true)
      yield* network.hangResolve("b", true)
      const dialing = yield* borrow(pool, "a")
      const resolving = yield* borrow(pool, "b")
      yield* TestClock.adjust("1 second")
      assert.include(yield* dialing.error, { _tag: "AcquireTimeout", connecting: 1 })
      assert.include(yield* resolving.error, { _tag: "AcquireTimeout", connecting: 0 })
      yield* network.hangOpen("a", false)
      yield* network.hangResolve("b", false)
    }))

  it.scoped("P1: it names the last dial that failed while the caller waited", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, acquireTimeout: "5 seconds" })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* TestClock.adjust("1 second")
      yield* network.delayOpen("a", "1 second")
      const dialing = yield* borrow(pool)
      yield* network.delayOpen("a", "1 minute")
      const waiting = yield* borrow(pool)
      // the failure of the past is none of this one's business
      const hasty = yield* borrow(pool, "a", { timeout: "500 millis" })
      yield* TestClock.adjust("500 millis")
      assert.include(yield* hasty.error, { _tag: "AcquireTimeout", lastFailure: undefined })
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* dialing.error)._tag, "Refused")
      yield* TestClock.adjust("4 seconds")
      const error = yield* waiting.error
      assert.include(error, { _tag: "AcquireTimeout", connecting: 1 })
      assert.match(error.message, /the last dial failed: .*a at 10\.0\.0\.1: open was refused/)
    }))

  it.scoped("P1: a fiber that waits for itself is told so", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 2, acquireTimeout: "5 seconds" })
      const nested = yield* Effect.fork(pool.use("a", () => pool.use("a", () => Effect.flip(ask(pool)))))
      yield* settle
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(nested)
      assert.include(error, { _tag: "AcquireTimeout", heldByCaller: 2 })
      assert.include(error.message, "of which the waiting fiber itself holds 2: it may be waiting for itself")
      // the leases of others are none of its own
      yield* borrowers(pool, 2)
      const other = yield* borrow(pool)
      yield* TestClock.adjust("5 seconds")
      assert.include(yield* other.error, { heldByCaller: 0 })
    }))

  it.scoped("P1: nothing is left of a waiter whose time was over", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, acquireTimeout: "1 second" })
      const holder = yield* borrow(pool)
      yield* borrow(pool)
      yield* TestClock.adjust("500 millis")
      const second = yield* borrow(pool)
      yield* TestClock.adjust("500 millis")
      // the first one's time is over: the connection goes to the second
      yield* holder.release
      assert.isTrue(yield* second.has)
      yield* second.release
      assert.include(yield* statsOf(pool), { idle: 1, active: 0, waiting: 0, acquired: 2 })
      assert.strictEqual(yield* network.dialed, 1)
    }))
})
