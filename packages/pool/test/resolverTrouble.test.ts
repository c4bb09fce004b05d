import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Options } from "../src/PoolConfig.ts"
import { ask, borrow, rig, settle, statsOf } from "./rig.ts"
import { fibersBefore, liveFibers, watched } from "./watched.ts"

/** Nothing happens but the refresh of addresses. */
const resolving = (config: Partial<Options<string>> = {}) =>
  rig({ idleTimeout: Infinity, maxLifetime: Infinity, healthCheckInterval: Infinity, ...config })

describe("a resolver in trouble", () => {
  for (
    const [what, trouble] of [
      ["fails", "failResolve"],
      ["hangs", "hangResolve"],
      ["dies", "dieResolve"]
    ] as const
  ) {
    it.scoped(`P5: one that ${what} keeps the last good answer, and is asked again`, () =>
      Effect.gen(function*() {
        const { network, pool } = yield* resolving()
        yield* ask(pool)
        yield* network[trouble]("a", true)
        yield* TestClock.adjust("80 seconds")
        assert.isAtLeast(yield* network.resolved("a"), 3)
        assert.strictEqual(yield* ask(pool), 1)
        yield* pool.retire("a")
        assert.strictEqual(yield* ask(pool), 2)
        yield* network[trouble]("a", false)
        yield* network.setAddresses("a", ["10.0.0.9"])
        yield* TestClock.adjust("40 seconds")
        assert.strictEqual(yield* pool.use("a", (lease) => Effect.succeed(lease.address)), "10.0.0.9")
      }))
  }

  it.scoped("P5: one that fails is asked again when the time to live of its last answer has passed once more", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving({ dnsRefreshInterval: Infinity })
      yield* network.setTtl("a", "5 seconds")
      yield* ask(pool)
      yield* network.failResolve("a", true)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* network.resolved("a"), 5)
    }))

  it.scoped("P5: an empty answer, and a resolver that throws, keep the last good answer as well", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* ask(pool)
      yield* network.setAddresses("a", [])
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* ask(pool), 1)
      yield* network.throwFrom("a", "resolve", true)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* ask(pool), 1)
      assert.deepStrictEqual((yield* statsOf(pool)).addresses.map(({ address }) => address), ["10.0.0.1"])
      yield* network.throwFrom("a", "resolve", false)
      yield* network.setAddresses("a", ["10.0.0.2"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual((yield* statsOf(pool)).addresses.map(({ address }) => address), ["10.0.0.2"])
    }))

  it.scoped("P5: without any answer yet, callers get the resolver's failure, and the next one asks again", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.failResolve("a", true)
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "Refused", operation: "resolve" })
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "Refused", operation: "resolve" })
      assert.strictEqual(yield* network.resolved("a"), 2)
      yield* network.failResolve("a", false)
      assert.strictEqual(yield* ask(pool), 1)
    }))

  it.scoped("P5: an empty first answer says that there is no address", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      yield* network.setAddresses("a", [])
      assert.include(yield* Effect.flip(ask(pool)), { _tag: "HostUnavailable", reason: "noAddress", retryAfter: 0 })
    }))

  it.scoped("P5: a first answer that does not come fails all who wait for it with ResolveTimeout, in time", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving({ resolveTimeout: "2 seconds" })
      yield* network.hangResolve("a", true)
      const first = yield* borrow(pool)
      yield* TestClock.adjust("1 second")
      const second = yield* borrow(pool)
      yield* TestClock.adjust("1 second")
      assert.include(yield* first.error, { _tag: "ResolveTimeout", timeout: 2000, host: "a" })
      assert.include(yield* second.error, { _tag: "ResolveTimeout" })
      assert.strictEqual(yield* network.resolved("a"), 1)
    }))

  it.scoped("P5: so many hosts are resolved at once, refreshes included; the others wait for their turn", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving({ maxResolving: 3 })
      const keys = Array.from({ length: 12 }, (_, index) => `host${index}`)
      for (const key of keys) yield* network.delayResolve(key, "1 second")
      const callers = yield* Effect.forEach(keys, (key) => borrow(pool, key))
      yield* TestClock.adjust("4 seconds")
      for (const caller of callers) assert.isTrue(yield* caller.has)
      yield* TestClock.adjust("34 seconds")
      for (const key of keys) assert.strictEqual(yield* network.resolved(key), 2)
      assert.strictEqual(yield* network.peakResolving, 3)
    }))

  it.scoped("P5: more resolutions allowed at run time start at once", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving({ maxResolving: 1, resolveTimeout: Infinity })
      for (const key of ["a", "b", "c"]) yield* network.hangResolve(key, true)
      for (const key of ["a", "b", "c"]) yield* borrow(pool, key)
      assert.strictEqual(yield* network.peakResolving, 1)
      yield* pool.reconfigure({ maxResolving: 2 })
      yield* settle
      assert.strictEqual(yield* network.peakResolving, 2)
      for (const key of ["a", "b", "c"]) yield* network.hangResolve(key, false)
    }))

  it.scoped("P5: no refresh leaves a fiber or a timer, be the answer good, late or never there", () =>
    Effect.gen(function*() {
      yield* fibersBefore
      const { clock, network, pool } = yield* watched({
        idleTimeout: Infinity,
        maxLifetime: Infinity,
        healthCheckInterval: Infinity,
        dnsRefreshInterval: "10 seconds"
      })
      yield* ask(pool)
      yield* TestClock.adjust("9 seconds")
      const fibers = yield* liveFibers
      const { sleeping } = clock
      for (let n = 0; n < 12; n++) {
        yield* network.delayResolve("a", n % 3 === 2 ? "1 second" : 0)
        yield* TestClock.adjust("18 seconds")
      }
      yield* network.hangResolve("a", true)
      // each of them is given up after five seconds, and asked again ten seconds later
      const resolved = yield* network.resolved("a")
      yield* TestClock.adjust("61 seconds")
      assert.isAtLeast(yield* network.resolved("a"), resolved + 3)
      assert.isAtMost(yield* liveFibers, fibers + 1)
      yield* network.hangResolve("a", false)
      yield* network.delayResolve("a", 0)
      yield* TestClock.adjust("15 seconds")
      assert.isAbove(yield* network.resolved("a"), 12)
      assert.isAtMost(yield* liveFibers, fibers)
      assert.isAtMost(clock.sleeping, sleeping)
    }))

  it.scoped("P5: events tell what changed and what failed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* resolving()
      const told = yield* pool.events.pipe(
        Stream.filter((event) => event._tag === "AddressesChanged" || event._tag === "ResolveFailed"),
        Stream.take(3),
        Stream.runCollect,
        Effect.fork
      )
      yield* settle
      yield* ask(pool)
      yield* network.setAddresses("a", ["10.0.0.2", "10.0.0.3"])
      yield* TestClock.adjust("30 seconds")
      yield* network.failResolve("a", true)
      yield* TestClock.adjust("30 seconds")
      const [first, second, third] = Chunk.toReadonlyArray(yield* Fiber.join(told))
      assert.deepInclude(first, { _tag: "AddressesChanged", added: ["10.0.0.1"], removed: [] })
      assert.deepInclude(second, { added: ["10.0.0.2", "10.0.0.3"], removed: ["10.0.0.1"], at: 30_000 })
      assert.include(third, { _tag: "ResolveFailed", host: "a", failure: "Refused: a: resolve was refused" })
    }))
})

describe("hosts that nobody uses", () => {
  it.scoped("P5: they are forgotten with their last connection, are resolved no more, and take their metrics along", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ name: "forgetful" })
      const metrics = Effect.map(
        Metric.snapshot,
        (all) => all.filter(({ metricKey }) => metricKey.tags.some(({ value }) => value === "forgetful")).length
      )
      for (const key of ["a", "b", "c"]) yield* ask(pool, key)
      assert.lengthOf((yield* pool.stats).hosts, 3)
      assert.isAbove(yield* metrics, 30)
      yield* TestClock.adjust("59 seconds")
      yield* ask(pool, "c")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual((yield* pool.stats).hosts.map(({ host }) => host), ["c"])
      assert.isTrue(Option.isNone(yield* pool.hostStats("a")))
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual((yield* pool.stats).hosts, [])
      assert.strictEqual(yield* metrics, 0)
      assert.deepStrictEqual(yield* pool.metrics, [])
      const resolved = yield* network.resolved("a")
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* network.resolved("a"), resolved)
      // and known again when they are asked for
      assert.strictEqual(yield* ask(pool, "a"), 4)
    }))

  it.scoped("P5: a host is not forgotten while a lease of it is out, though its connection is gone", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const holder = yield* borrow(pool)
      const { connection } = yield* holder.lease
      yield* network.closeFromPeer(connection)
      yield* TestClock.adjust("3 minutes")
      assert.lengthOf((yield* pool.stats).hosts, 1)
      yield* holder.release
      yield* TestClock.adjust("1 minute")
      assert.lengthOf((yield* pool.stats).hosts, 0)
    }))

  it.scoped("P5: hosts of which nothing but a failure is known are forgotten, too", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.failOpen("dial", true)
      yield* network.failResolve("resolve", true)
      yield* network.hangResolve("late", true)
      for (const key of ["dial", "resolve"]) yield* Effect.exit(ask(pool, key))
      const late = yield* borrow(pool, "late")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* late.error)._tag, "ResolveTimeout")
      assert.deepStrictEqual((yield* pool.stats).hosts, [])
    }))
})
