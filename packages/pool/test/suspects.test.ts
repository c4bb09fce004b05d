import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Options } from "../src/PoolConfig.ts"
import { ask, borrow, borrowers, settle, statsOf } from "./rig.ts"
import { watched } from "./watched.ts"

/** A pool with so many idle connections to one host, none of which ages by itself. */
const idle = (count: number, config: Partial<Options<string>> = {}) =>
  Effect.gen(function*() {
    const rig = yield* watched({ idleTimeout: Infinity, maxLifetime: Infinity, shutdownGrace: 0, ...config })
    yield* rig.pool.warm("a", count)
    return rig
  })

describe("a jump of the clock", () => {
  it.scoped("P3: every idle connection is checked before it is lent again", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(2)
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(yield* network.checks, 2)
      clock.jump("1 hour")
      const id = yield* ask(pool)
      assert.include([1, 2], id)
      // all of them at once: had this one been dead, the next one would have been proven by then
      assert.sameMembers((yield* network.connections("a")).map(({ checks }) => checks), [2, 2])
      // proven: the same one again without a check
      assert.strictEqual(yield* ask(pool), id)
      assert.strictEqual(yield* network.checks, 4)
      assert.strictEqual(yield* network.dialed, 2)
    }))

  it.scoped("P3: a connection that died meanwhile is closed, and the caller served by another one", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1)
      yield* network.failAllChecks("a", true)
      clock.jump("1 hour")
      assert.strictEqual(yield* ask(pool), 2)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { unhealthy: 1 })
    }))

  it.scoped("P3: a caller waits for the check of a suspect no longer than a check may take", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1)
      yield* network.hangChecks("a", true)
      clock.jump("1 hour")
      const one = yield* borrow(pool)
      assert.isTrue(yield* one.waits)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* one.lease).connection.id, 2)
      yield* network.hangChecks("a", false)
    }))

  it.scoped("P3: many dead suspects cost their caller the time of one check, not of one each", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(6)
      yield* network.hangChecks("a", true)
      clock.jump("1 hour")
      const one = yield* borrow(pool)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* one.lease).connection.id, 7)
      yield* network.hangChecks("a", false)
    }))

  it.scoped("P3: a fresh caller waits for no check of a suspect", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(2)
      yield* network.hangChecks("a", true)
      clock.jump("1 hour")
      const fresh = yield* borrow(pool, "a", { fresh: true })
      assert.strictEqual((yield* fresh.lease).connection.id, 3)
      yield* network.hangChecks("a", false)
    }))

  it.scoped("P3: whoever leaves while a suspect is checked for it leaves it to the next, or idle", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1, { maxConnectionsPerHost: 1 })
      yield* network.delayChecks("a", "1 second")
      clock.jump("1 hour")
      const first = yield* borrow(pool)
      const second = yield* borrow(pool)
      yield* first.interrupt
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* second.lease).connection.id, 1)
      yield* second.release
      clock.jump("1 hour")
      const third = yield* borrow(pool)
      yield* third.interrupt
      yield* TestClock.adjust("1 second")
      assert.include(yield* statsOf(pool), { idle: 1, waiting: 0, active: 0 })
      assert.strictEqual(yield* ask(pool), 1)
      assert.strictEqual(yield* network.dialed, 1)
    }))

  it.scoped("P3: leases at work are left alone", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1)
      const holder = yield* borrow(pool)
      clock.jump("1 hour")
      yield* ask(pool)
      yield* holder.release
      assert.include(yield* statsOf(pool), { idle: 2 })
      assert.strictEqual(yield* network.checks, 0)
    }))

  it.scoped("P3 P10: however many callers come, ten checks run at once, together with those of a sweep", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(30)
      yield* network.delayChecks("a", "1 second")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.checks, 10)
      clock.jump("1 hour")
      const all = yield* borrowers(pool, 30)
      yield* TestClock.adjust("5 seconds")
      for (const one of all) assert.isTrue(yield* one.has)
      assert.strictEqual(yield* network.peakChecks, 10)
    }))

  it.scoped("P3: a jump back is one, too", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1)
      yield* TestClock.adjust("2 minutes")
      const { checks } = (yield* network.connections("a"))[0]!
      clock.jumpBack("1 minute")
      yield* ask(pool)
      assert.strictEqual((yield* network.connections("a"))[0]!.checks, checks + 1)
    }))

  it.scoped("P3: time that passes as it should is no jump", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1)
      yield* TestClock.adjust("10 seconds")
      // a busy process may be late, but not by more than half an interval
      clock.jump("15 seconds")
      yield* ask(pool)
      assert.strictEqual(yield* network.checks, 1)
      clock.jump("1 millis")
      yield* ask(pool)
      assert.strictEqual(yield* network.checks, 2)
    }))

  it.scoped("P3: it is told, with how far it went", () =>
    Effect.gen(function*() {
      const { clock, pool } = yield* idle(1)
      const jumped = yield* pool.events.pipe(
        Stream.filter((event) => event._tag === "ClockJumped"),
        Stream.take(1),
        Stream.runCollect,
        Effect.fork
      )
      yield* settle
      clock.jump("1 hour")
      yield* ask(pool)
      assert.include(Chunk.unsafeHead(yield* Fiber.join(jumped)), { at: 3_600_000, by: 3_600_000 })
    }))

  it.scoped("P3: the sweep notices as well, and its check takes the suspicion away", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(2)
      clock.jump("1 hour")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.checks, 2)
      yield* ask(pool)
      assert.strictEqual(yield* network.checks, 2)
    }))

  it.scoped("P3: without checks there is no suspicion", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* idle(1, { healthCheckInterval: Infinity })
      clock.jump("1 day")
      assert.strictEqual(yield* ask(pool), 1)
      clock.jumpBack("1 hour")
      assert.strictEqual(yield* ask(pool), 1)
      assert.strictEqual(yield* network.checks, 0)
    }))
})
