import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { Connector } from "../src/Connector.ts"
import { ask, borrow, poolOf, rig, settle, statsOf } from "./rig.ts"

describe("how many checks run at once", () => {
  it.scoped("P10: ten at most, however many connections and hosts there are", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      for (const key of ["a", "b", "c"]) {
        yield* pool.warm(key, 30)
        yield* network.delayChecks(key, "1 second")
      }
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.checks, 10)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* network.checks, 90)
      assert.strictEqual(yield* network.peakChecks, 10)
      assert.include(yield* pool.stats, { idle: 90 })
    }))

  it.scoped("P10: as many as the settings say", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckConcurrency: 3 })
      yield* pool.warm("a", 7)
      yield* network.delayChecks("a", "1 second")
      yield* TestClock.adjust("13 seconds")
      assert.strictEqual(yield* network.checks, 7)
      assert.strictEqual(yield* network.peakChecks, 3)
    }))

  it.scoped("P10: changed settings hold for the sweep under way", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckConcurrency: 2 })
      yield* pool.warm("a", 12)
      yield* network.hangChecks("a", true)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.checks, 2)
      yield* pool.reconfigure({ healthCheckConcurrency: 8 })
      yield* settle
      assert.strictEqual(yield* network.checks, 8)
      yield* pool.reconfigure({ healthCheckConcurrency: 1 })
      yield* network.hangChecks("a", false)
      yield* settle
      assert.strictEqual(yield* network.checks, 12)
      assert.strictEqual(yield* network.peakChecks, 8)
      assert.include(yield* statsOf(pool), { idle: 12 })
    }))

  it.scoped("P10: checks that nothing can end hold their slots, and no further one starts", () =>
    Effect.gen(function*() {
      const checks = { now: 0, begun: 0 }
      let lift: () => void = () => undefined
      const hung = new Promise<void>((resolve) => {
        lift = resolve
      })
      const stubborn: Connector<string, { readonly id: number }> = {
        label: (key) => key,
        resolve: () => Effect.succeed({ addresses: ["local"] }),
        open: () => Effect.sync(() => ({ id: 1 })),
        check: () =>
          Effect.uninterruptible(Effect.suspend(() => {
            checks.now++
            checks.begun++
            return Effect.zipRight(Effect.promise(() => hung), Effect.sync(() => checks.now--))
          }))
      }
      const pool = yield* poolOf(stubborn, { healthCheckConcurrency: 3, idleTimeout: Infinity })
      yield* pool.warm("a", 8)
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(checks, { now: 3, begun: 3 })
      // three had no answer in time, the others were never asked: none of them may be trusted
      assert.include(yield* pool.stats, { total: 0, closing: 0 })
      yield* pool.warm("a", 2)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(checks, { now: 3, begun: 3 })
      lift()
      yield* TestClock.adjust("10 seconds")
      assert.include(checks, { now: 0 })
      assert.isAbove(checks.begun, 3)
    }))
})

describe("checks that hang", () => {
  it.scoped("P3: a hundred of them, ten at once, and the sweep ends after the interval and the time of one check", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* pool.warm("a", 100)
      const first = yield* network.connections("a")
      yield* network.hangChecks("a", true)
      yield* TestClock.adjust("24999 millis")
      // two times ten have had their five seconds
      assert.include(yield* statsOf(pool), { idle: 80 })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(first.filter((connection) => connection.isOpen).length, 0)
      const { closedBy } = yield* statsOf(pool)
      assert.strictEqual((closedBy.unhealthy ?? 0) + (closedBy.unproven ?? 0), 100)
      assert.isAtLeast(closedBy.unproven ?? 0, 70)
      assert.strictEqual(yield* network.peakChecks, 10)
      // whoever comes now is served by a new one
      assert.strictEqual(yield* ask(pool), 101)
      yield* network.hangChecks("a", false)
    }))

  it.scoped("P3: connections opened since are not taken for unproven", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckConcurrency: 1 })
      yield* pool.warm("a", 5)
      yield* network.hangChecks("a", true)
      yield* TestClock.adjust("12 seconds")
      yield* network.hangChecks("a", false)
      yield* settle
      yield* pool.warm("b", 3)
      const holder = yield* borrow(pool, "b")
      yield* network.hangChecks("a", true)
      yield* TestClock.adjust("13 seconds")
      assert.include(yield* statsOf(pool, "b"), { active: 1, idle: 2 })
      yield* holder.release
      yield* network.hangChecks("a", false)
    }))

  it.scoped("P3: hanging checks of one host leave the next sweep to the others", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckConcurrency: 2 })
      yield* pool.warm("dead", 2)
      yield* pool.warm("fine", 2)
      yield* network.hangChecks("dead", true)
      yield* TestClock.adjust("15 seconds")
      assert.include(yield* statsOf(pool, "dead"), { total: 0 })
      assert.deepStrictEqual((yield* network.connections("fine")).map(({ checks }) => checks), [1, 1])
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual((yield* network.connections("fine")).map(({ checks }) => checks), [3, 3])
      yield* network.hangChecks("dead", false)
    }))

  it.scoped("P3: turning the checks off during a sweep closes none of those that were not asked yet", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckConcurrency: 1, idleTimeout: Infinity })
      yield* pool.warm("a", 5)
      yield* network.delayChecks("a", "3 seconds")
      yield* TestClock.adjust("11 seconds")
      yield* pool.reconfigure({ healthCheckInterval: Infinity })
      yield* TestClock.adjust("1 minute")
      assert.include(yield* statsOf(pool), { idle: 5 })
      assert.strictEqual(yield* network.checks, 1)
    }))
})
