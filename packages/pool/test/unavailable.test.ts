import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf, type TestPool } from "./rig.ts"

const breakers = (pool: TestPool) =>
  Effect.map(statsOf(pool), ({ addresses }) => addresses.map(({ breaker }) => breaker))

/** A use that fails through the peer's fault. */
const fails = (pool: TestPool) => pool.use("a", (lease) => lease.reportFailure("500"))

describe("the circuit breaker", () => {
  it.scoped("P8: it opens after so many failed dials in a row, and then nothing is dialed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 3, openFor: "10 seconds" } })
      yield* network.failOpen("a", true)
      for (let n = 0; n < 3; n++) assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "Refused")
      yield* TestClock.adjust("4 seconds")
      const error = yield* Effect.flip(ask(pool))
      assert.include(error, { _tag: "HostUnavailable", reason: "breakerOpen", retryAfter: 6000, host: "a" })
      assert.include(error.message, "a: every address is failing, the next try is in 6000 ms")
      assert.strictEqual(yield* network.dialed, 3)
      assert.deepStrictEqual(yield* breakers(pool), ["open"])
    }))

  it.scoped("P8: a success in between starts the count anew", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 3 } })
      for (let round = 0; round < 3; round++) {
        yield* network.failOpen("a", true)
        for (let n = 0; n < 2; n++) yield* Effect.flip(ask(pool, "a", { fresh: true }))
        yield* network.failOpen("a", false)
        yield* ask(pool, "a", { fresh: true })
      }
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
    }))

  it.scoped("P8: time-outs of dials count", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ connectTimeout: "1 second", breaker: { failures: 1 } })
      yield* network.hangOpen("a", true)
      const caller = yield* borrow(pool)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* caller.error)._tag, "ConnectTimeout")
      assert.deepStrictEqual(yield* breakers(pool), ["open"])
    }))

  it.scoped("P8: `reportFailure` counts, once a lease, and ends the connections to that address", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 3 } })
      yield* ask(pool)
      yield* pool.use("a", (lease) => Effect.repeatN(lease.reportFailure("500"), 9))
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
      const busy = yield* borrow(pool)
      yield* fails(pool)
      yield* fails(pool)
      assert.deepStrictEqual(yield* breakers(pool), ["open"])
      yield* settle
      assert.include(yield* statsOf(pool), { active: 1, idle: 0 })
      assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "HostUnavailable")
      // the one at work may finish; it is not lent again
      yield* busy.release
      assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { unhealthy: 2 } })
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P8: a good use in between starts the count of reported failures anew", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ breaker: { failures: 2 } })
      for (let n = 0; n < 5; n++) {
        yield* fails(pool)
        yield* ask(pool)
      }
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
    }))

  it.scoped("P8: half-open, exactly so many probes go through", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "10 seconds", probes: 2 } })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* TestClock.adjust("10 seconds")
      yield* network.failOpen("a", false)
      yield* network.hangOpen("a", true)
      const all = yield* borrowers(pool, 5)
      assert.strictEqual(yield* network.opening("a"), 2)
      assert.deepStrictEqual(yield* breakers(pool), ["halfOpen"])
      for (const one of all.slice(2)) {
        assert.include(yield* one.error, { _tag: "HostUnavailable", reason: "breakerOpen", retryAfter: 0 })
      }
      yield* network.hangOpen("a", false)
      yield* settle
      // a probe carries one lease, and its end is the verdict
      assert.isTrue(yield* all[0]!.has)
      assert.deepStrictEqual(yield* breakers(pool), ["halfOpen"])
      yield* all[0]!.release
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
      assert.isTrue(yield* (yield* borrow(pool)).has)
    }))

  it.scoped("P8: a probe that fails opens it again, for the whole time", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "10 seconds" } })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "Refused")
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "HostUnavailable", retryAfter: 10_000 })
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("10 seconds")
      yield* fails(pool)
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "HostUnavailable", retryAfter: 10_000 })
      assert.strictEqual(yield* network.dialed, 3)
      yield* TestClock.adjust("10 seconds")
      assert.isNumber(yield* ask(pool))
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
    }))

  it.scoped("P8: a probe whose caller was interrupted leaves its place to another", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "10 seconds" } })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("10 seconds")
      const probe = yield* borrow(pool)
      assert.isTrue(yield* probe.has)
      yield* probe.interrupt
      assert.deepStrictEqual(yield* breakers(pool), ["halfOpen"])
      assert.isNumber(yield* ask(pool))
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
    }))

  it.scoped("P8: a probe that nobody waits for any more closes it by opening", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "10 seconds" } })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("10 seconds")
      yield* network.hangOpen("a", true)
      const probe = yield* borrow(pool)
      yield* probe.interrupt
      yield* network.hangOpen("a", false)
      yield* settle
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
      assert.include(yield* statsOf(pool), { idle: 1 })
    }))

  it.scoped("P8: of several addresses the sick one is avoided, and the host is not unavailable", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 2, openFor: "10 seconds" } }, {
        addresses: ["well", "sick"]
      })
      yield* network.failOpenAt("a", "sick", true)
      const all = yield* borrowers(pool, 4)
      yield* TestClock.adjust("200 millis")
      const more = yield* borrowers(pool, 4)
      for (const one of [...all, ...more]) assert.strictEqual((yield* one.lease).address, "well")
      assert.deepStrictEqual(yield* breakers(pool), ["closed", "open"])
      const { failed } = yield* statsOf(pool)
      yield* borrowers(pool, 4)
      assert.strictEqual((yield* statsOf(pool)).failed, failed)
      // it recovers by itself, and then has the least leases
      yield* network.failOpenAt("a", "sick", false)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* (yield* borrow(pool)).lease).address, "sick")
    }))

  it.scoped("P8: only when every address is failing is the host unavailable, until the first may be tried", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "10 seconds" } }, {
        addresses: ["one", "two"]
      })
      yield* network.failOpenAt("a", "one", true)
      const held = yield* borrow(pool)
      yield* TestClock.adjust("3 seconds")
      yield* network.failOpenAt("a", "two", true)
      assert.strictEqual((yield* Effect.flip(ask(pool, "a", { fresh: true })))._tag, "Refused")
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "HostUnavailable", retryAfter: 7000 })
      yield* held.release
    }))

  it.scoped("P8: local faults never count", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1 } })
      yield* network.localFault("a", true)
      yield* network.failOpen("a", true)
      for (let n = 0; n < 10; n++) assert.include(yield* Effect.flip(ask(pool)), { _tag: "Refused", fault: "local" })
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
    }))

  it.scoped("P8: our own refusals, time-outs in the queue and interrupts never count", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnectionsPerHost: 1,
        maxWaitersPerHost: 1,
        acquireTimeout: "1 second",
        breaker: { failures: 1 }
      })
      const holder = yield* borrow(pool)
      const waiter = yield* borrow(pool)
      assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "QueueFull")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* waiter.error)._tag, "AcquireTimeout")
      yield* holder.interrupt
      yield* network.hangOpen("a", true)
      const dialing = yield* borrow(pool)
      yield* dialing.interrupt
      yield* network.hangOpen("a", false)
      yield* settle
      const dies = yield* borrow(pool)
      yield* dies.die
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
      assert.isNumber(yield* ask(pool))
    }))

  it.scoped("P8: with failures at infinity it never opens", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: Infinity } })
      yield* network.failOpen("a", true)
      for (let n = 0; n < 30; n++) assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "Refused")
      assert.deepStrictEqual(yield* breakers(pool), ["closed"])
    }))

  it.scoped("P8: the memory of an open breaker outlives the host's last use", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ idleTimeout: "1 second", breaker: { failures: 1, openFor: "1 minute" } })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* TestClock.adjust("30 seconds")
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "HostUnavailable", retryAfter: 30_000 })
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual((yield* pool.stats).hosts, [])
    }))
})
