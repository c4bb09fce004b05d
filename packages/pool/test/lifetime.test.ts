import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Connector from "../src/Connector.ts"
import type { Options } from "../src/PoolConfig.ts"
import { ask, borrow, borrowers, rig, statsOf } from "./rig.ts"

/** Nothing ends a connection but its age. */
const aging = (config: Partial<Options<string>>) =>
  rig({ idleTimeout: Infinity, healthCheckInterval: Infinity, dnsRefreshInterval: Infinity, ...config })

const expiresAt = (millis: number) => Connector.Signal.ExpiresAt({ millis })

describe("the lifetime of a connection", () => {
  it.scoped("P4: an idle connection ends with its lifetime", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({ maxLifetime: "1 minute", lifetimeJitter: 0 })
      yield* ask(pool)
      yield* TestClock.adjust("59999 millis")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { aged: 1 })
    }))

  it.scoped("P4: one that is lent ends when it comes back, not under its lease", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({ maxLifetime: "1 minute", lifetimeJitter: 0 })
      const holder = yield* borrow(pool)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* holder.release
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P4: age is honoured when a connection is handed from a releaser to a waiter", () =>
    Effect.gen(function*() {
      const { pool } = yield* aging({ maxLifetime: "1 minute", lifetimeJitter: 0, maxConnectionsPerHost: 1 })
      const holder = yield* borrow(pool)
      const first = yield* borrow(pool)
      const second = yield* borrow(pool)
      yield* TestClock.adjust("20 seconds")
      yield* holder.release
      assert.strictEqual((yield* first.lease).connection.id, 1)
      yield* TestClock.adjust("9 seconds")
      yield* first.release
      assert.strictEqual((yield* second.lease).connection.id, 1)
      const third = yield* borrow(pool, "a", { timeout: Infinity })
      yield* TestClock.adjust("31 seconds")
      yield* second.release
      assert.strictEqual((yield* third.lease).connection.id, 2)
      assert.isFalse((yield* third.lease).reused)
    }))

  it.scoped("P4: a hundred connections opened together do not end together, but within a tenth of the lifetime", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({ maxLifetime: "100 seconds" })
      yield* pool.warm("a", 100)
      yield* TestClock.adjust("89999 millis")
      assert.strictEqual(yield* network.openNow(), 100)
      const left: Array<number> = []
      for (let second = 90; second <= 110; second++) {
        yield* TestClock.adjust("1 second")
        left.push(yield* network.openNow())
      }
      assert.strictEqual(left.at(-1), 0)
      const most = Math.max(...left.map((now, index) => (left[index - 1] ?? 100) - now))
      assert.isBelow(most, 25, `${most} connections ended within one second: ${left.join(", ")}`)
    }))

  it.scoped("P4: with Infinity a connection does not age", () =>
    Effect.gen(function*() {
      const { pool } = yield* aging({ maxLifetime: Infinity })
      yield* ask(pool)
      yield* TestClock.adjust("365 days")
      assert.strictEqual(yield* ask(pool), 1)
    }))

  it.scoped("P4: the floor keeps no connection beyond its lifetime, but has it replaced", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({ maxLifetime: "1 minute", lifetimeJitter: 0, minIdle: 2 })
      yield* pool.warm("a", 2)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [3, 4])
    }))
})

describe("how often a connection is lent", () => {
  it.scoped("P4: after maxUses leases it is closed", () =>
    Effect.gen(function*() {
      const { pool } = yield* aging({ maxUses: 3 })
      const served: Array<number> = []
      for (let n = 0; n < 7; n++) served.push(yield* ask(pool))
      assert.deepStrictEqual(served, [1, 1, 1, 2, 2, 2, 3])
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { used: 2 })
    }))

  it.scoped("P4: uses are counted on direct hand-over as well", () =>
    Effect.gen(function*() {
      const { pool } = yield* aging({ maxUses: 2, maxConnectionsPerHost: 1 })
      const all = yield* borrowers(pool, 4)
      const served: Array<number> = []
      for (const one of all) {
        served.push((yield* one.lease).connection.id)
        yield* one.release
      }
      assert.deepStrictEqual(served, [1, 1, 2, 2])
    }))

  it.scoped("P4: a multiplexed connection takes no lease beyond maxUses, and ends with its last one", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({ maxUses: 3 })
      yield* network.setCapacity("a", 10)
      const all = yield* borrowers(pool, 4)
      const served = yield* Effect.forEach(all, (one) => Effect.map(one.lease, (lease) => lease.connection.id))
      assert.deepStrictEqual(served, [1, 1, 1, 2])
      yield* all[0]!.release
      yield* all[1]!.release
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [1, 2])
      yield* all[2]!.release
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [2])
    }))
})

describe("what the peer says about its end", () => {
  it.scoped("P4: an idle connection is closed at the time that the peer announced", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({})
      yield* ask(pool)
      const [connection] = yield* network.connections("a")
      yield* network.signal(connection!, expiresAt(5_000))
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(yield* ask(pool), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { aged: 1 })
    }))

  it.scoped("P4: told during a lease, it counts from its end on", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({})
      const holder = yield* borrow(pool)
      const { connection } = yield* holder.lease
      yield* network.signal(connection, expiresAt(5_000))
      yield* TestClock.adjust("2 seconds")
      yield* holder.release
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* network.openNow(), 0)
      const late = yield* borrow(pool)
      yield* network.signal((yield* late.lease).connection, expiresAt(6_000))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* late.release
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P4: it may shorten the life of a connection, not lengthen it, and nonsense says nothing", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* aging({ maxLifetime: "10 seconds", lifetimeJitter: 0 })
      yield* ask(pool)
      const [connection] = yield* network.connections("a")
      yield* network.signal(connection!, expiresAt(60_000))
      yield* network.signal(connection!, expiresAt(Number.NaN))
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* ask(pool), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.openNow(), 0)
    }))
})
