import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

describe("the total limit", () => {
  it.scoped("P1: all hosts together have no more sockets than it says", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 5 })
      const a = yield* borrowers(pool, 3, "a")
      const b = yield* borrowers(pool, 3, "b")
      const c = yield* borrow(pool, "c")
      assert.deepStrictEqual(yield* holders([...a, ...b, c]), [0, 1, 2, 3, 4])
      assert.include(yield* pool.stats, { limit: 5, total: 5, waiting: 2 })
      // a connection of another host makes room once it is not needed there any more
      yield* a[0]!.release
      assert.isTrue(yield* b[2]!.has)
      assert.isTrue(yield* c.waits)
      yield* a[1]!.release
      assert.isTrue(yield* c.has)
      assert.strictEqual(yield* network.peakOpen(), 5)
    }))

  it.scoped("P1: the connection that has been idle for the longest, of whatever host, makes room", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 3 })
      for (const key of ["b", "a", "c"]) {
        yield* ask(pool, key)
        yield* TestClock.adjust("1 second")
      }
      yield* ask(pool, "b")
      assert.isTrue(yield* (yield* borrow(pool, "d")).has)
      assert.deepStrictEqual((yield* statsOf(pool, "a")).closedBy, { reclaimed: 1 })
      assert.deepStrictEqual((yield* network.connections("b")).length, 1)
      assert.deepStrictEqual((yield* network.connections("c")).length, 1)
      assert.strictEqual(yield* network.peakOpen(), 3)
    }))

  it.scoped("P1: the permit that an idle connection was closed for belongs to whoever it was closed for", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 2 })
      yield* network.delayClose("a", "100 millis")
      const other = yield* borrow(pool, "c")
      yield* ask(pool, "a")
      const reclaimer = yield* borrow(pool, "b")
      assert.include(yield* statsOf(pool, "a"), { idle: 0, closing: 1 })
      // newcomers, of the same host that gave it up as well
      const newcomer = yield* borrow(pool, "a")
      const another = yield* borrow(pool, "d")
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* holders([reclaimer, newcomer, another]), [0])
      yield* other.release
      assert.isTrue(yield* newcomer.has)
      yield* reclaimer.release
      assert.isTrue(yield* another.has)
      assert.strictEqual(yield* network.peakOpen(), 2)
    }))

  it.scoped("P1: one connection is closed for one waiter, not more", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 4 })
      const idle = yield* borrowers(pool, 4, "a")
      for (const one of idle) yield* one.release
      yield* network.delayClose("a", "100 millis")
      yield* borrow(pool, "b")
      assert.include(yield* statsOf(pool, "a"), { idle: 3, closing: 1 })
      yield* TestClock.adjust("100 millis")
      assert.include(yield* statsOf(pool, "a"), { idle: 3, closing: 0 })
      assert.include(yield* statsOf(pool, "b"), { active: 1 })
    }))

  it.scoped("P1 P8: hosts that wait for it are served in turn, not by the length of their queues", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnections: 2 })
      const held = yield* borrowers(pool, 2, "x")
      const many = yield* borrowers(pool, 5, "a")
      const one = yield* borrow(pool, "b")
      const other = yield* borrow(pool, "c")
      const got = holders([...many, one, other])
      yield* held[0]!.release
      assert.deepStrictEqual(yield* got, [0])
      yield* held[1]!.release
      assert.deepStrictEqual(yield* got, [0, 5])
      // what comes back to "b" serves the next in line, for "b" has no waiter of its own
      yield* one.release
      assert.deepStrictEqual(yield* got, [0, 5, 6])
      yield* other.release
      assert.deepStrictEqual(yield* got, [0, 1, 5, 6])
    }))

  it.scoped("P1: a host whose waiters have left does not hold up the line", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnections: 1 })
      const holder = yield* borrow(pool, "x")
      const gone = yield* borrow(pool, "a")
      const next = yield* borrow(pool, "b")
      yield* gone.interrupt
      yield* holder.release
      assert.isTrue(yield* next.has)
    }))

  it.scoped("P1: neither does one that turns out to be unavailable", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 1, breaker: { failures: 1 } })
      yield* ask(pool, "x")
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool, "a"))
      const holder = yield* borrow(pool, "x")
      yield* TestClock.adjust("30 seconds")
      // half-open: one dial of two may go
      const [probe, second] = yield* borrowers(pool, 2, "a")
      const next = yield* borrow(pool, "b")
      yield* holder.release
      assert.strictEqual((yield* probe!.error)._tag, "Refused")
      assert.strictEqual((yield* second!.error)._tag, "HostUnavailable")
      assert.isTrue(yield* next.has)
    }))

  it.scoped("P1 P8: a dial whose addresses all fail at once ends, although others stand in line for its permit", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 1 }, { addresses: ["one", "two"] })
      yield* network.localFault("a", true)
      yield* network.failOpen("a", true)
      yield* network.hangOpen("a", true)
      const failing = yield* borrow(pool, "a")
      const others = yield* borrowers(pool, 2, "b")
      yield* network.hangOpen("a", false)
      yield* settle
      assert.include(yield* failing.error, { _tag: "Refused", address: "two" })
      assert.isTrue(yield* others[0]!.has)
      assert.strictEqual(yield* network.dialed, 3)
    }))

  it.scoped("P1: idle connections of a host make room for its own fresh ones", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2 })
      const two = yield* borrowers(pool, 2)
      for (const one of two) yield* one.release
      const fresh = yield* borrow(pool, "a", { fresh: true })
      assert.isFalse((yield* fresh.lease).reused)
      assert.deepInclude(yield* statsOf(pool), { active: 1, idle: 1, closedBy: { reclaimed: 1 } })
      assert.strictEqual(yield* network.peakOpen("a"), 2)
    }))
})

describe("fresh connections", () => {
  it.scoped("P1: a connection that had served before is never given to whoever wants a fresh one", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2 })
      assert.strictEqual(yield* ask(pool), 1)
      assert.strictEqual(yield* ask(pool, "a", { fresh: true }), 2)
      const [one, other] = yield* borrowers(pool, 2)
      const fresh = yield* borrow(pool, "a", { fresh: true })
      const usual = yield* borrow(pool)
      // it comes back, but not to the first in the queue
      yield* one!.release
      assert.isTrue(yield* usual.has)
      assert.isTrue(yield* fresh.waits)
      yield* other!.release
      yield* settle
      const lease = yield* fresh.lease
      assert.isFalse(lease.reused)
      assert.strictEqual(lease.connection.id, 3)
      assert.strictEqual(yield* network.peakOpen("a"), 2)
    }))

  it.scoped("P1: one that was warmed before is not opened for this caller", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* pool.warm("a", 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* ask(pool, "a", { fresh: true }), 2)
      assert.strictEqual(yield* network.dialed, 2)
    }))

  it.scoped("P1: on a host that multiplexes, one is dialed beside the one with room", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 10 })
      const first = yield* borrow(pool)
      const fresh = yield* borrow(pool, "a", { fresh: true })
      assert.isFalse((yield* fresh.lease).reused)
      assert.notStrictEqual((yield* fresh.lease).connection, (yield* first.lease).connection)
      assert.strictEqual(yield* network.dialed, 2)
    }))
})
