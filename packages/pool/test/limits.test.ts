import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe("the limit of a host", () => {
  it.scoped("P1: 100 connections by default; the 101st caller waits, and gets the one that is given back first", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const all = yield* borrowers(pool, 101)
      assert.deepStrictEqual(yield* holders(all), upTo(100))
      assert.include(yield* statsOf(pool), { active: 100, idle: 0, waiting: 1, limit: 100 })
      const { connection } = yield* all[41]!.lease
      yield* all[41]!.release
      const last = yield* all[100]!.lease
      assert.strictEqual(last.connection, connection)
      assert.isTrue(last.reused)
      assert.strictEqual(yield* network.peakOpen("a"), 100)
    }))

  it.scoped("P1: connections that are being dialed count", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 3 }, { delayOpen: "1 second" })
      const all = yield* borrowers(pool, 7)
      assert.strictEqual(yield* network.openNow("a"), 3)
      assert.include(yield* statsOf(pool), { connecting: 3, total: 0, waiting: 4 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2])
      assert.strictEqual(yield* network.peakOpen("a"), 3)
    }))

  it.scoped("P1: connections that are being closed count until they are gone", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2 })
      yield* network.delayClose("a", "100 millis")
      const [first, second] = yield* borrowers(pool, 2)
      yield* first!.interrupt
      const next = yield* borrow(pool)
      assert.include(yield* statsOf(pool), { active: 1, closing: 1, connecting: 0, waiting: 1 })
      assert.strictEqual(yield* network.openNow("a"), 2)
      yield* TestClock.adjust("99 millis")
      assert.isTrue(yield* next.waits)
      yield* TestClock.adjust("1 millis")
      assert.isTrue(yield* next.has)
      assert.isFalse((yield* next.lease).reused)
      assert.strictEqual(yield* network.peakOpen("a"), 2)
      yield* second!.release
    }))

  it.scoped("P1: a dial that is being ended counts until its socket is gone", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, connectTimeout: "1 second" })
      yield* network.hangOpen("a", true)
      yield* network.delayClose("a", "100 millis")
      const late = yield* borrow(pool)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* late.error)._tag, "ConnectTimeout")
      yield* network.hangOpen("a", false)
      const next = yield* borrow(pool)
      assert.isTrue(yield* next.waits)
      assert.include(yield* statsOf(pool), { connecting: 1, waiting: 1 })
      yield* TestClock.adjust("100 millis")
      assert.isTrue(yield* next.has)
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("P1: it may differ from host to host", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnectionsPerHost: 2,
        overrides: (key) => key === "b" ? { maxConnectionsPerHost: 4, maxWaitersPerHost: 0 } : {}
      })
      const a = yield* borrowers(pool, 5, "a")
      const b = yield* borrowers(pool, 5, "b")
      assert.deepStrictEqual(yield* holders(a), [0, 1])
      assert.deepStrictEqual(yield* holders(b), [0, 1, 2, 3])
      assert.strictEqual((yield* b[4]!.error)._tag, "QueueFull")
      assert.strictEqual((yield* statsOf(pool, "b")).limit, 4)
      assert.deepStrictEqual([yield* network.peakOpen("a"), yield* network.peakOpen("b")], [2, 4])
    }))

  it.scoped("P1: overrides that are wrong cost their own caller alone", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ overrides: (key) => key === "b" ? { maxConnectionsPerHost: -1 } : {} })
      const exit = yield* Effect.exit(ask(pool, "b"))
      assert.include(String(exit), "maxConnectionsPerHost")
      assert.strictEqual(yield* ask(pool, "a"), 1)
      assert.lengthOf((yield* pool.stats).hosts, 1)
    }))
})

describe("the limit on dials", () => {
  it.scoped("P1: at most so many dials of one host at once, 32 by default", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { delayOpen: "1 second" })
      const all = yield* borrowers(pool, 50)
      assert.include(yield* statsOf(pool), { connecting: 32, waiting: 18 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), upTo(32))
      assert.include(yield* statsOf(pool), { connecting: 18, active: 32, waiting: 0 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), upTo(50))
      assert.strictEqual(yield* network.peakOpening("a"), 32)
    }))

  it.scoped("P1: whoever waits for a dial to start takes a connection that comes back before", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectingPerHost: 1 })
      const first = yield* borrow(pool)
      yield* network.hangOpen("a", true)
      const [dialing, parked] = yield* borrowers(pool, 2)
      yield* first.release
      assert.isTrue(yield* dialing!.has)
      assert.isTrue(yield* parked!.waits)
      assert.strictEqual(yield* network.dialed, 2)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* parked!.has)
      assert.strictEqual(yield* network.dialed, 2)
    }))
})

describe("the limit on hosts", () => {
  it.scoped("P1: one host too many is refused, and takes the place of one that is not in use", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxHosts: 2, idleTimeout: "10 seconds" })
      const a = yield* borrow(pool, "a")
      const b = yield* borrow(pool, "b")
      const refused = yield* Effect.flip(ask(pool, "c"))
      assert.include(refused, { _tag: "TooManyHosts", maxHosts: 2, host: "c" })
      assert.lengthOf((yield* pool.stats).hosts, 2)
      yield* a.release
      // an idle connection keeps its host
      assert.strictEqual((yield* Effect.flip(ask(pool, "c")))._tag, "TooManyHosts")
      yield* pool.retire("a")
      yield* settle
      yield* ask(pool, "c")
      assert.deepStrictEqual((yield* pool.stats).hosts.map((host) => host.host), ["b", "c"])
      yield* b.release
    }))

  it.scoped("P1: hosts that nobody uses are forgotten", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxHosts: 3, idleTimeout: "10 seconds" })
      yield* network.failOpen("c", true)
      for (const key of ["a", "b", "c"]) yield* Effect.exit(ask(pool, key))
      assert.lengthOf((yield* pool.stats).hosts, 3)
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual((yield* pool.stats).hosts, [])
      assert.strictEqual(yield* network.openNow(), 0)
    }))
})
