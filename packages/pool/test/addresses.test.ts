import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { Options } from "../src/PoolConfig.ts"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"

const one = "10.0.0.1"
const two = "10.0.0.2"
const three = "10.0.0.3"

/** Nothing happens but the refresh of addresses. */
const resolving = (config: Partial<Options<string>> = {}) =>
  rig({ idleTimeout: Infinity, maxLifetime: Infinity, healthCheckInterval: Infinity, ...config })

describe("the refresh of addresses", () => {
  it.scoped("P5: a host's addresses are asked for when it is first used, and then every 30 seconds", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* ask(pool)
      yield* ask(pool)
      assert.strictEqual(yield* network.resolved("a"), 1)
      yield* TestClock.adjust("29999 millis")
      assert.strictEqual(yield* network.resolved("a"), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.resolved("a"), 2)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* network.resolved("a"), 4)
    }))

  it.scoped("P5: each host has its own rhythm", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* ask(pool, "a")
      yield* TestClock.adjust("10 seconds")
      yield* ask(pool, "b")
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual([yield* network.resolved("a"), yield* network.resolved("b")], [2, 1])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual([yield* network.resolved("a"), yield* network.resolved("b")], [2, 2])
    }))

  it.scoped("P5: a time to live shortens the interval, but never lengthens it", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.setTtl("a", "7 seconds")
      yield* network.setTtl("b", "1 hour")
      yield* ask(pool, "a")
      yield* ask(pool, "b")
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual(yield* network.resolved("a"), 2)
      yield* TestClock.adjust("23 seconds")
      assert.strictEqual(yield* network.resolved("a"), 5)
      assert.strictEqual(yield* network.resolved("b"), 2)
    }))

  it.scoped("P5: a time to live of zero is no reason to ask more than once a second", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.setTtl("a", 0)
      yield* ask(pool)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* network.resolved("a"), 6)
    }))

  it.scoped("P5: with Infinity they are asked for once, and a time to live still holds", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving({ dnsRefreshInterval: Infinity })
      yield* network.setTtl("b", "10 seconds")
      yield* ask(pool, "a")
      yield* ask(pool, "b")
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(yield* network.resolved("a"), 1)
      assert.strictEqual(yield* network.resolved("b"), 6)
    }))

  it.scoped("P5: they are asked for once at a time, however many callers come", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.delayResolve("a", "2 seconds")
      const all = yield* borrowers(pool, 20)
      yield* TestClock.adjust("2 seconds")
      for (const caller of all) assert.isTrue(yield* caller.has)
      assert.strictEqual(yield* network.resolved("a"), 1)
    }))
})

describe("addresses that change", () => {
  it.scoped("P5: idle connections to an address that is gone are closed, and replaced on next use", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      const all = yield* borrowers(pool, 3)
      for (const caller of all) yield* caller.release
      yield* network.setAddresses("a", [two])
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { addressGone: 3 })
      assert.strictEqual(yield* pool.use("a", (lease) => Effect.succeed(lease.address)), two)
      assert.deepStrictEqual((yield* statsOf(pool)).addresses.map(({ address }) => address), [two])
    }))

  it.scoped("P5: busy ones finish, and are then closed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      const busy = yield* borrow(pool)
      yield* network.setAddresses("a", [two])
      yield* TestClock.adjust("30 seconds")
      const { connection } = yield* busy.lease
      assert.isTrue(connection.isOpen)
      assert.deepStrictEqual(
        (yield* statsOf(pool)).addresses.map(({ address, connections, current }) => ({
          address,
          connections,
          current
        })),
        [{ address: one, connections: 1, current: false }, { address: two, connections: 0, current: true }]
      )
      yield* busy.release
      assert.isFalse(connection.isOpen)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { addressGone: 1 })
      assert.deepStrictEqual((yield* statsOf(pool)).addresses.map(({ address }) => address), [two])
    }))

  it.scoped("P5: a multiplexed one takes no new lease", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.setCapacity("a", 5)
      const busy = yield* borrow(pool)
      yield* network.setAddresses("a", [two])
      yield* TestClock.adjust("30 seconds")
      const next = yield* borrow(pool)
      assert.strictEqual((yield* next.lease).address, two)
      yield* busy.release
      assert.deepStrictEqual((yield* network.connections("a")).map(({ address }) => address), [two])
    }))

  it.scoped("P5: a dial to an address that is gone by the time it is done is not lent", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving({ connectTimeout: Infinity, acquireTimeout: Infinity })
      yield* ask(pool)
      yield* network.delayOpenAt("a", one, "40 seconds")
      const holder = yield* borrow(pool)
      const caller = yield* borrow(pool)
      yield* network.setAddresses("a", [two])
      yield* TestClock.adjust("30 seconds")
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* caller.lease).address, two)
      yield* holder.release
      assert.deepStrictEqual((yield* network.connections("a")).map(({ address }) => address), [two])
    }))

  it.scoped("P5: an added address gets the new connections until the load is even", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      const before = yield* borrowers(pool, 4)
      yield* network.setAddresses("a", [one, two])
      yield* TestClock.adjust("30 seconds")
      const after = yield* borrowers(pool, 6)
      const addresses = yield* Effect.forEach(after, (caller) => Effect.map(caller.lease, (lease) => lease.address))
      assert.deepStrictEqual(addresses.slice(0, 4), [two, two, two, two])
      assert.sameMembers(addresses.slice(4), [one, two])
      for (const caller of before) assert.strictEqual((yield* caller.lease).address, one)
    }))

  it.scoped("P5: it is the leases that are evened out, not the connections", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* borrowers(pool, 2)
      yield* network.setAddresses("a", [one, two])
      yield* TestClock.adjust("30 seconds")
      yield* pool.warm("a", 5)
      assert.deepStrictEqual(
        (yield* statsOf(pool)).addresses.map(({ address, connections, leases }) => [address, connections, leases]),
        [[one, 2, 2], [two, 3, 0]]
      )
      const fresh = yield* borrow(pool, "a", { fresh: true })
      assert.strictEqual((yield* fresh.lease).address, two)
    }))

  it.scoped("P5: what stays is left alone, whatever the order of the answer, and doubles count once", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.setAddresses("a", [one, two, three])
      const all = yield* borrowers(pool, 3)
      for (const caller of all) yield* caller.release
      yield* network.setAddresses("a", [three, two, one, two])
      yield* TestClock.adjust("30 seconds")
      assert.include(yield* statsOf(pool), { idle: 3, closed: 0 })
      assert.lengthOf((yield* statsOf(pool)).addresses, 3)
    }))

  it.scoped("P5: an address that comes back is dialed again, and what was draining still ends", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      const busy = yield* borrow(pool)
      yield* network.setAddresses("a", [two])
      yield* TestClock.adjust("30 seconds")
      yield* network.setAddresses("a", [one])
      yield* TestClock.adjust("30 seconds")
      const next = yield* borrow(pool)
      assert.strictEqual((yield* next.lease).address, one)
      yield* busy.release
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [2])
      assert.deepStrictEqual(
        (yield* statsOf(pool)).addresses.map(({ address, connections }) => ({ address, connections })),
        [{ address: one, connections: 1 }]
      )
    }))
})
