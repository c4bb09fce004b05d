import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { Options } from "../src/PoolConfig.ts"
import { ask, borrow, rig, settle, statsOf } from "./rig.ts"
import { watched } from "./watched.ts"

/** No loop has anything to do but those that the test turns on. */
const calm: Partial<Options<string>> = {
  idleTimeout: Infinity,
  maxLifetime: Infinity,
  healthCheckInterval: Infinity,
  dnsRefreshInterval: Infinity,
  leakThreshold: Infinity
}

describe("periods changed at run time", () => {
  it.scoped("P4: a shorter idle timeout counts from when the connection became idle", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(calm)
      yield* pool.warm("a", 2)
      yield* TestClock.adjust("1 hour")
      yield* ask(pool)
      yield* pool.reconfigure({ idleTimeout: "10 seconds" })
      yield* settle
      assert.strictEqual(yield* network.openNow(), 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P4: a longer one, or none, keeps what was about to go", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ ...calm, idleTimeout: "10 seconds" })
      yield* ask(pool)
      yield* TestClock.adjust("9 seconds")
      yield* pool.reconfigure({ idleTimeout: "20 seconds" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* pool.reconfigure({ idleTimeout: Infinity })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* network.openNow(), 1)
    }))

  it.scoped("P3: checks can be turned on, made more frequent, rarer, and off", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(calm)
      yield* ask(pool)
      yield* TestClock.adjust("1 minute")
      yield* pool.reconfigure({ healthCheckInterval: "10 seconds" })
      yield* TestClock.adjust("10 seconds")
      const { checks: first } = (yield* network.connections("a"))[0]!
      assert.isAtLeast(first, 1)
      yield* pool.reconfigure({ healthCheckInterval: "2 seconds" })
      yield* TestClock.adjust("10 seconds")
      assert.isAtLeast((yield* network.checks) - first, 4)
      const before = yield* network.checks
      yield* pool.reconfigure({ healthCheckInterval: "20 seconds" })
      yield* TestClock.adjust("19 seconds")
      assert.isAtMost((yield* network.checks) - before, 1)
      yield* pool.reconfigure({ healthCheckInterval: Infinity })
      const last = yield* network.checks
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* network.checks, last)
    }))

  it.scoped("P3: turned on again, they take no time without checks for a jump of the clock", () =>
    Effect.gen(function*() {
      const { clock, network, pool } = yield* watched({ ...calm, shutdownGrace: 0 })
      yield* ask(pool)
      yield* TestClock.adjust("1 hour")
      yield* pool.reconfigure({ healthCheckInterval: "10 seconds" })
      yield* settle
      const checks = yield* network.checks
      assert.strictEqual(yield* ask(pool), 1)
      assert.strictEqual(yield* network.checks, checks)
      clock.jump("1 hour")
      yield* ask(pool)
      assert.strictEqual(yield* network.checks, checks + 1)
    }))

  it.scoped("P5: the refresh of addresses can be turned on for hosts that are known already", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(calm)
      yield* ask(pool)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* network.resolved("a"), 1)
      yield* pool.reconfigure({ dnsRefreshInterval: "10 seconds" })
      yield* TestClock.adjust("30 seconds")
      // at once, since the last answer is an hour old, and three times since
      assert.strictEqual(yield* network.resolved("a"), 5)
    }))

  it.scoped("P5: settings that change more often than addresses are asked for do not put it off", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ ...calm, dnsRefreshInterval: "30 seconds" })
      yield* ask(pool)
      for (let change = 1; change <= 12; change++) {
        yield* TestClock.adjust("10 seconds")
        yield* pool.reconfigure({ maxUses: 1000 + change })
      }
      assert.isAtLeast(yield* network.resolved("a"), 4)
    }))

  it.scoped("P5: a shorter interval holds at once, and Infinity ends it at once", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ ...calm, dnsRefreshInterval: "1 hour" })
      yield* ask(pool)
      yield* pool.reconfigure({ dnsRefreshInterval: "5 seconds" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.resolved("a"), 3)
      yield* pool.reconfigure({ dnsRefreshInterval: Infinity })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* network.resolved("a"), 3)
    }))

  it.scoped("P5: a time to live holds whatever the interval becomes", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ ...calm, dnsRefreshInterval: "5 seconds" })
      yield* network.setTtl("a", "20 seconds")
      yield* ask(pool)
      yield* pool.reconfigure({ dnsRefreshInterval: Infinity })
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(yield* network.resolved("a"), 1)
      yield* TestClock.adjust("21 seconds")
      assert.strictEqual(yield* network.resolved("a"), 3)
    }))

  it.scoped("P2: a leak is suspected by the threshold that holds now", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(calm)
      yield* borrow(pool)
      yield* TestClock.adjust("1 hour")
      const leaks = Effect.map(
        pool.metrics,
        (all) => all.find(({ name }) => name.endsWith("connection.leaks"))?.value ?? 0
      )
      assert.strictEqual(yield* leaks, 0)
      yield* pool.reconfigure({ leakThreshold: "10 minutes" })
      yield* settle
      assert.strictEqual(yield* leaks, 1)
      yield* pool.reconfigure({ leakThreshold: "5 minutes" })
      yield* settle
      assert.strictEqual(yield* leaks, 1)
    }))

  it.scoped("P4: fewer uses allowed end those that have had them", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(calm)
      for (let n = 0; n < 3; n++) yield* ask(pool)
      yield* pool.reconfigure({ maxUses: 3 })
      yield* settle
      assert.strictEqual(yield* network.openNow(), 0)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { used: 1 })
    }))

  it.scoped("P9: the grace is the one that was set last", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ ...calm, shutdownGrace: "1 hour" })
      yield* borrow(pool)
      yield* pool.reconfigure({ shutdownGrace: 0 })
      assert.include(yield* pool.shutdown, { cut: 1, elapsed: 0 })
    }))
})
