import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, poolOf, rig, settle, statsOf } from "./rig.ts"

const two = { addresses: ["one", "two"] }

describe("finding addresses", () => {
  it.scoped("P5: callers that come together share one resolution", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.delayResolve("a", "1 second")
      const all = yield* borrowers(pool, 5)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3, 4])
      assert.strictEqual(yield* network.resolved("a"), 1)
    }))

  it.scoped("P1: its failure is the failure of all who waited for it, and the next caller tries again", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.failResolve("a", true)
      yield* network.delayResolve("a", "1 second")
      const all = yield* borrowers(pool, 3)
      yield* TestClock.adjust("1 second")
      for (const one of all) assert.include(yield* one.error, { _tag: "Refused", operation: "resolve" })
      yield* network.failResolve("a", false)
      yield* network.delayResolve("a", 0)
      assert.strictEqual(yield* ask(pool), 1)
      assert.strictEqual(yield* network.resolved("a"), 2)
    }))

  it.scoped("P1: it may take so long, even where it cannot be interrupted", () =>
    Effect.gen(function*() {
      const network = (yield* rig()).network
      const pool = yield* poolOf({
        ...network.connector,
        resolve: (key) => Effect.uninterruptible(network.connector.resolve(key))
      }, { resolveTimeout: "2 seconds" })
      yield* network.hangResolve("a", true)
      const all = yield* borrowers(pool, 2)
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(yield* all[0]!.waits)
      yield* TestClock.adjust("1 millis")
      for (const one of all) {
        assert.include(yield* one.error, { _tag: "ResolveTimeout", timeout: 2000, waited: 2000, waiting: 2 })
      }
      // an answer that comes too late is none, and harms nobody
      yield* network.hangResolve("a", false)
      yield* settle
      assert.strictEqual(yield* ask(pool), 1)
    }))

  it.scoped("P1: a host without any address is unavailable", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { addresses: [] })
      const error = yield* Effect.flip(ask(pool))
      assert.include(error, { _tag: "HostUnavailable", reason: "noAddress" })
      assert.include(error.message, "a: the resolver knows no address")
      yield* network.setAddresses("a", ["one"])
      assert.strictEqual(yield* ask(pool), 1)
    }))
})

describe("dialing several addresses", () => {
  it.scoped("P1: the next address is tried when one fails, within the same acquire", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, two)
      yield* network.failOpenAt("a", "one", true)
      const lease = yield* (yield* borrow(pool)).lease
      assert.strictEqual(lease.address, "two")
      assert.include(yield* statsOf(pool), { failed: 1, opened: 1 })
    }))

  it.scoped("P1: only when the last one has failed does the caller get the error", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { addresses: ["one", "two", "three"] })
      yield* network.failOpen("a", true)
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "Refused", address: "three" })
      assert.include(yield* statsOf(pool), { failed: 3, connecting: 0 })
    }))

  it.scoped("P1: one that failed a moment ago is avoided, for a while", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, two)
      yield* network.failOpenAt("a", "one", true)
      const first = yield* borrow(pool)
      assert.strictEqual(yield* network.dialed, 2)
      yield* network.failOpenAt("a", "one", false)
      const second = yield* borrow(pool)
      assert.strictEqual((yield* second.lease).address, "two")
      assert.strictEqual(yield* network.dialed, 3)
      yield* TestClock.adjust("100 millis")
      const third = yield* borrow(pool)
      assert.strictEqual((yield* third.lease).address, "one")
      yield* first.release
    }))

  it.scoped("P1: the address with the least leases is dialed", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({}, { addresses: ["one", "two", "three"] })
      const all = yield* borrowers(pool, 7)
      const addresses = yield* Effect.all(all.map((one) => Effect.map(one.lease, (lease) => lease.address)))
      assert.deepStrictEqual(addresses, ["one", "two", "three", "one", "two", "three", "one"])
      assert.deepStrictEqual(
        (yield* statsOf(pool)).addresses.map(({ address, connections, leases }) => [address, connections, leases]),
        [["one", 3, 3], ["two", 2, 2], ["three", 2, 2]]
      )
      for (const index of [0, 3, 6]) yield* all[index]!.interrupt
      assert.strictEqual((yield* (yield* borrow(pool)).lease).address, "one")
    }))

  it.scoped("P1: an address without an answer is raced by the next one; the loser is closed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, two)
      yield* network.hangOpenAt("a", "one", true)
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("249 millis")
      assert.strictEqual(yield* network.openNow("a"), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* caller.lease).address, "two")
      assert.include(yield* statsOf(pool), { active: 1, connecting: 0, failed: 0, opened: 1 })
      assert.strictEqual(yield* network.openNow("a"), 1)
    }))

  it.scoped("P1: the first to answer wins, be it the one that was dialed first", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, two)
      yield* network.delayOpenAt("a", "one", "400 millis")
      yield* network.delayOpenAt("a", "two", "400 millis")
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("250 millis")
      assert.include(yield* statsOf(pool), { connecting: 2 })
      yield* TestClock.adjust("150 millis")
      assert.strictEqual((yield* caller.lease).address, "one")
      assert.include(yield* statsOf(pool), { connecting: 0, active: 1, idle: 0 })
      assert.strictEqual(yield* network.openNow("a"), 1)
    }))

  it.scoped("P1: each racer has a permit of its own, and without one there is no race", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 }, two)
      yield* network.hangOpenAt("a", "one", true)
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(yield* caller.waits)
      assert.strictEqual(yield* network.peakOpen("a"), 1)
      // the time limit of the attempt ends it, and its permit is for the other address
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* caller.lease).address, "two")
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("P1: a loser that cannot be interrupted keeps its permit until it is gone, then gives it back", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2, closeTimeout: "1 second" }, two)
      yield* network.uninterruptibleOpen("a", true)
      yield* network.hangOpenAt("a", "one", true)
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("250 millis")
      assert.strictEqual((yield* caller.lease).address, "two")
      assert.include(yield* statsOf(pool), { active: 1, connecting: 1 })
      const next = yield* borrow(pool)
      assert.isTrue(yield* next.waits)
      yield* network.hangOpenAt("a", "one", false)
      yield* settle
      // opened after all, it is closed unused
      assert.isTrue(yield* next.has)
      assert.include(yield* statsOf(pool), { active: 2, connecting: 0, opened: 2, failed: 0 })
      assert.strictEqual(yield* network.openNow("a"), 2)
      assert.strictEqual(yield* network.peakOpen("a"), 2)
    }))

  it.scoped("P1: no race takes a permit that somebody waits for", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnections: 2 }, two)
      yield* network.hangOpen("a", true)
      yield* borrow(pool, "b")
      const caller = yield* borrow(pool, "a")
      const other = yield* borrow(pool, "c")
      yield* TestClock.adjust("1 second")
      assert.include(yield* statsOf(pool, "a"), { connecting: 1 })
      yield* caller.interrupt
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* other.has)
    }))
})

describe("the time limit of a dial", () => {
  it.scoped("P1: an attempt without an answer costs its caller this error", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ connectTimeout: "3 seconds" })
      yield* network.hangOpen("a", true)
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("3 seconds")
      const error = yield* caller.error
      assert.include(error, { _tag: "ConnectTimeout", address: "10.0.0.1", timeout: 3000, waited: 3000, connecting: 1 })
      assert.include(error.message, "10.0.0.1 was not connected within 3000 ms")
      assert.include(yield* statsOf(pool), { connecting: 0, failed: 1 })
      assert.strictEqual(yield* network.openNow("a"), 0)
    }))

  it.scoped("P1: one that cannot be interrupted is given up, and its permit is free again", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnectionsPerHost: 1,
        connectTimeout: "3 seconds",
        closeTimeout: "1 second"
      })
      yield* network.hangOpen("a", true)
      yield* network.uninterruptibleOpen("a", true)
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* caller.error)._tag, "ConnectTimeout")
      assert.include(yield* statsOf(pool), { connecting: 1 })
      yield* TestClock.adjust("1 second")
      assert.include(yield* statsOf(pool), { connecting: 0 })
      // the late success of it is closed, and counts nowhere
      const next = yield* borrow(pool)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* next.has)
      assert.strictEqual(yield* network.openNow("a"), 1)
      assert.include(yield* statsOf(pool), { active: 1, connecting: 0, opened: 1, failed: 1 })
    }))
})
