import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import type { Counts, HostStats, PoolStats } from "../src/PoolStats.ts"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"

const counts = ["total", "active", "idle", "connecting", "closing", "abandoned", "waiting"] as const

const assertTrue = (stats: PoolStats): void => {
  for (const one of [stats, ...stats.hosts]) {
    assert.strictEqual(one.total, one.active + one.idle)
    for (const name of counts) assert.isAtLeast(one[name], 0)
  }
  for (const name of counts) {
    assert.strictEqual(stats[name], stats.hosts.reduce((sum: number, host: Counts) => sum + host[name], 0))
  }
  for (const host of stats.hosts) {
    const { abandoned, closed, closing, opened, total } = host
    assert.strictEqual(opened, total + closing + closed + abandoned)
    const sum = Object.values(host.closedBy).reduce((all, count) => all + count, 0)
    assert.strictEqual(sum, closed + closing + abandoned)
    assert.isAtMost(total + host.connecting + closing, host.limit)
    assert.isAtMost(host.reused, host.acquired)
  }
}

describe("statistics", () => {
  it.scoped("P7: a host that nobody asked for is not known, and a fresh pool is empty", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnections: 50 })
      assert.isTrue(Option.isNone(yield* pool.hostStats("a")))
      assert.deepStrictEqual(yield* pool.stats, {
        limit: 50,
        total: 0,
        active: 0,
        idle: 0,
        connecting: 0,
        closing: 0,
        abandoned: 0,
        waiting: 0,
        hosts: []
      })
    }))

  it.scoped("P7: everything about a host, at one instant", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 5 }, { addresses: ["one", "two"] })
      const [keep, broken, idle] = yield* borrowers(pool, 3)
      yield* idle!.release
      yield* network.delayClose("a", "100 millis")
      yield* broken!.interrupt
      yield* network.hangOpen("a", true)
      const reusing = yield* borrow(pool)
      yield* borrowers(pool, 4)
      const stats: HostStats = yield* statsOf(pool)
      assert.deepStrictEqual(stats, {
        host: "a",
        limit: 5,
        total: 2,
        active: 2,
        idle: 0,
        connecting: 2,
        closing: 1,
        abandoned: 0,
        waiting: 2,
        addresses: [
          { address: "one", breaker: "closed", current: true, connections: 2, leases: 2 },
          { address: "two", breaker: "closed", current: true, connections: 2, leases: 0 }
        ],
        opened: 3,
        closed: 0,
        closedBy: { interrupted: 1 },
        failed: 0,
        acquired: 4,
        reused: 1
      })
      assertTrue(yield* pool.stats)
      assert.isTrue((yield* reusing.lease).reused)
      yield* keep!.release
      yield* network.hangOpen("a", false)
    }))

  it.scoped("P7: they are plain data, and the same in JSON", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      yield* borrowers(pool, 2)
      const stats = yield* pool.stats
      assert.deepStrictEqual(JSON.parse(JSON.stringify(stats)), stats)
    }))

  it.scoped("P7: a snapshot stays as it is", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      const one = yield* borrow(pool)
      const before = yield* pool.stats
      const copy = structuredClone(before)
      yield* one.interrupt
      yield* ask(pool, "b")
      assert.deepStrictEqual(before, copy)
    }))

  it.scoped("P7: connections are counted by why they were closed, once each", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        idleTimeout: "1 minute",
        maxLifetime: "3 minutes",
        lifetimeJitter: 0,
        maxUses: 4,
        healthCheckInterval: "10 seconds"
      })
      const interrupted = yield* borrow(pool)
      yield* interrupted.interrupt
      yield* interrupted.interrupt
      yield* pool.use("a", (lease) => lease.discard("wrong"))
      yield* pool.use("a", (lease) => lease.retire("enough"))
      for (let n = 0; n < 4; n++) yield* ask(pool)
      const kept = yield* borrow(pool)
      yield* network.closeFromPeer((yield* kept.lease).connection)
      yield* kept.release
      yield* ask(pool)
      yield* pool.retire("a")
      yield* ask(pool)
      yield* network.failAllChecks("a", true)
      yield* TestClock.adjust("10 seconds")
      yield* network.failAllChecks("a", false)
      // the last one keeps the host from being forgotten
      const [old, unused] = yield* borrowers(pool, 3)
      yield* unused!.release
      yield* TestClock.adjust("1 minute")
      yield* TestClock.adjust("3 minutes")
      yield* old!.release
      const stats = yield* statsOf(pool)
      assert.deepStrictEqual(stats.closedBy, {
        interrupted: 1,
        discarded: 1,
        retired: 2,
        used: 1,
        peer: 1,
        unhealthy: 1,
        idle: 1,
        aged: 1
      })
      assert.include(stats, { opened: 10, closed: 9, total: 1, failed: 0 })
      assert.strictEqual(yield* network.closed, 9)
    }))

  it.scoped("P7: total = active + idle at every instant of a busy day, per host and overall", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 3, maxConnections: 5, acquireTimeout: "1 second" })
      let looks = 0
      const look = Effect.map(pool.stats, (stats) => {
        looks++
        assertTrue(stats)
      })
      yield* network.delayClose("b", "30 millis")
      for (const key of ["a", "b"]) yield* network.delayOpen(key, "20 millis")
      const work = (key: string, turns: number) =>
        Effect.zipRight(look, pool.use(key, () => Effect.repeatN(Effect.zipRight(Effect.yieldNow(), look), turns)))
          .pipe(
            turns % 5 === 0 ? Effect.timeoutOption("25 millis") : Effect.asSome,
            Effect.catchAll(() => look),
            Effect.zipRight(look)
          )
      const all = yield* Effect.forkAll(
        Array.from({ length: 60 }, (_, index) => work(index % 3 === 0 ? "b" : "a", index))
      )
      for (let n = 0; n < 30; n++) {
        yield* TestClock.adjust("10 millis")
        yield* look
        const [connection] = yield* network.connections("a")
        if (n % 4 === 0 && connection !== undefined) yield* network.closeFromPeer(connection)
      }
      yield* Fiber.join(all)
      yield* TestClock.adjust("100 millis")
      yield* settle
      assert.isAbove(looks, 100)
      assert.include(yield* pool.stats, { active: 0, waiting: 0, connecting: 0, closing: 0 })
      assert.isAtMost(yield* network.peakOpen(), 5)
    }))

  it.scoped("P7: a lease that was handed over but never received is not counted", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const holder = yield* borrow(pool)
      const gone = yield* borrow(pool)
      // both in one turn, the interruption first in the fiber's mailbox
      yield* Effect.zipRight(Effect.sync(() => gone.fiber.unsafeInterruptAsFork(gone.fiber.id())), holder.release)
      yield* settle
      const { acquired, idle, reused } = yield* statsOf(pool)
      assert.deepStrictEqual({ acquired, idle, reused }, { acquired: 1, idle: 1, reused: 0 })
      assertTrue(yield* pool.stats)
    }))
})
