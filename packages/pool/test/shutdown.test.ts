import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"
import { watched } from "./watched.ts"

const grace = { shutdownGrace: "500 millis" } as const

/** A lease that ends by itself after a while. */
const work = (pool: Parameters<typeof ask>[0], millis: number) =>
  Effect.zipLeft(Effect.fork(pool.use("a", () => Effect.as(Effect.sleep(millis), "done"))), settle)

describe("shutdown", () => {
  it.scoped("P9: whoever waits, and whoever comes, fails with PoolClosed at once", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, ...grace })
      yield* network.hangOpen("dial", true)
      yield* network.hangResolve("resolve", true)
      yield* borrow(pool)
      const waiting = [yield* borrow(pool), yield* borrow(pool, "dial"), yield* borrow(pool, "resolve")]
      const warming = yield* Effect.fork(pool.warm("dial", 1))
      yield* settle
      const ending = yield* Effect.fork(pool.shutdown)
      yield* settle
      for (const one of waiting) assert.strictEqual((yield* one.error)._tag, "PoolClosed")
      assert.strictEqual((yield* Effect.flip(Fiber.join(warming)))._tag, "PoolClosed")
      assert.isTrue(Option.isNone(yield* ending.poll), "the lease at work has its grace")
      const error = yield* Effect.flip(ask(pool))
      assert.include(error, { _tag: "PoolClosed", host: "a", waited: 0, active: 1 })
      assert.include(yield* Effect.flip(ask(pool, "never seen")), { _tag: "PoolClosed", host: "never seen" })
      assert.strictEqual((yield* Effect.flip(Effect.scoped(pool.acquire("a"))))._tag, "PoolClosed")
      assert.strictEqual((yield* Effect.flip(pool.lease("a")))._tag, "PoolClosed")
      assert.strictEqual((yield* Effect.flip(pool.warm("a", 1)))._tag, "PoolClosed")
      assert.strictEqual((yield* Effect.flip(ask(pool, "a", { fresh: true })))._tag, "PoolClosed")
    }))

  it.scoped("P9: idle connections are closed at once, leases at work have the grace, and the rest is cut", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(grace)
      yield* pool.warm("a", 5)
      const quick = yield* work(pool, 200)
      const slow = yield* work(pool, 10_000)
      const ending = yield* Effect.fork(pool.shutdown)
      yield* settle
      assert.strictEqual(yield* network.openNow(), 2)
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(yield* Fiber.join(quick), "done")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* TestClock.adjust("299 millis")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.deepStrictEqual(yield* Fiber.join(ending), { graceful: 4, cut: 1, abandoned: 0, elapsed: 500 })
      // whoever holds the cut connection is not interrupted
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(slow), "done")
    }))

  it.scoped("P9: it ends as soon as the last lease does", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ shutdownGrace: "1 minute" })
      yield* work(pool, 300)
      const ending = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("300 millis")
      assert.include(yield* Fiber.join(ending), { graceful: 1, cut: 0, elapsed: 300 })
    }))

  it.scoped("P9: without leases it takes no time, nor without ever having been used", () =>
    Effect.gen(function*() {
      const used = yield* rig(grace)
      yield* used.pool.warm("a", 3)
      assert.deepStrictEqual(yield* used.pool.shutdown, { graceful: 3, cut: 0, abandoned: 0, elapsed: 0 })
      const { pool } = yield* rig(grace)
      assert.deepStrictEqual(yield* pool.shutdown, { graceful: 0, cut: 0, abandoned: 0, elapsed: 0 })
    }))

  it.scoped("P9: with a grace of 0 every lease is cut at once", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ shutdownGrace: 0 })
      yield* borrowers(pool, 3)
      assert.deepStrictEqual(yield* pool.shutdown, { graceful: 0, cut: 3, abandoned: 0, elapsed: 0 })
    }))

  it.scoped("P9: every caller gets the same report, at whatever time it comes", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(grace)
      yield* work(pool, 10_000)
      const first = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("100 millis")
      const second = yield* Effect.forEach([1, 2, 3], () => Effect.fork(pool.shutdown))
      yield* TestClock.adjust("400 millis")
      const report = yield* Fiber.join(first)
      assert.deepStrictEqual(report, { graceful: 0, cut: 1, abandoned: 0, elapsed: 500 })
      for (const other of second) assert.strictEqual(yield* Fiber.join(other), report)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* pool.shutdown, report)
    }))

  it.scoped("P9: it goes on when the caller who started it is interrupted", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(grace)
      yield* work(pool, 10_000)
      const first = yield* Effect.fork(pool.shutdown)
      yield* settle
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.include(yield* pool.shutdown, { cut: 1, elapsed: 500 })
    }))

  it.scoped("P9: the release of a connection that was cut does nothing, nor does anything else about its lease", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: 0 })
      const one = yield* pool.lease("a")
      const two = yield* pool.lease("a")
      yield* pool.shutdown
      assert.strictEqual(yield* network.closed, 2)
      yield* one.discard("later")
      yield* one.retire("later")
      yield* one.reportFailure("later")
      yield* one.release(Exit.void)
      yield* one.release(Exit.void)
      two.unsafeRelease(Exit.die("later"))
      yield* settle
      assert.include(yield* pool.stats, { total: 0, active: 0, closing: 0 })
      assert.strictEqual(yield* network.closed, 2)
    }))

  it.scoped("P9: it can be called from inside of a lease, which is cut then", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(grace)
      const inside = yield* Effect.fork(pool.use("a", () => pool.shutdown))
      const scoped = yield* Effect.fork(Effect.scoped(Effect.zipRight(pool.acquire("a"), pool.shutdown)))
      yield* settle
      yield* TestClock.adjust("500 millis")
      assert.include(yield* Fiber.join(inside), { cut: 2, elapsed: 500 })
      assert.strictEqual(yield* Fiber.join(scoped), yield* Fiber.join(inside))
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P9: a dial that is done during the shutdown is closed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(grace)
      yield* network.uninterruptibleOpen("a", true)
      yield* network.delayOpen("a", "200 millis")
      yield* borrow(pool)
      const ending = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(yield* Fiber.join(ending), { graceful: 0, cut: 0, abandoned: 0, elapsed: 200 })
      assert.deepStrictEqual([yield* network.opened, yield* network.closed], [1, 1])
    }))

  it.scoped("P9: a discarded connection that is still closing is waited for", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(grace)
      yield* network.delayClose("a", "300 millis")
      yield* pool.use("a", (lease) => lease.discard("done with it"))
      const ending = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("300 millis")
      assert.include(yield* Fiber.join(ending), { cut: 0, abandoned: 0, elapsed: 300 })
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.effect("P9: the scope runs it, and after a shutdown has nothing left to do", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { network, pool } = yield* Scope.extend(watched(), scope)
      yield* pool.warm("a", 2)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* network.openNow(), 0)
      assert.include(yield* pool.shutdown, { graceful: 2 })

      const other = yield* Scope.make()
      const second = yield* Scope.extend(watched(), other)
      yield* second.pool.warm("a", 1)
      const report = yield* second.pool.shutdown
      yield* Scope.close(other, Exit.void)
      assert.strictEqual(yield* second.pool.shutdown, report)
      yield* Effect.sync(() => assert.deepStrictEqual(report, { graceful: 1, cut: 0, abandoned: 0, elapsed: 0 }))
    }))

  it.scoped("P9: whoever is served at the last moment keeps its connection for the grace", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1, ...grace })
      const holder = yield* borrow(pool)
      const waiter = yield* borrow(pool)
      // the hand-over and the shutdown in one turn
      const ending = yield* Effect.zipRight(holder.release, Effect.fork(pool.shutdown))
      assert.isTrue(yield* waiter.has)
      assert.isTrue((yield* waiter.lease).connection.isOpen)
      yield* waiter.release
      assert.include(yield* Fiber.join(ending), { graceful: 1, cut: 0 })
    }))
})

describe("after the shutdown", () => {
  it.scoped("P9: everything else can still be called, and does no harm", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(grace)
      const heard = yield* Effect.fork(Stream.runCollect(pool.events))
      yield* pool.warm("a", 2)
      yield* pool.shutdown
      yield* settle
      assert.isTrue(Option.isSome(yield* heard.poll), "the stream of events has not ended")
      assert.deepStrictEqual(yield* Stream.runCollect(pool.events).pipe(Effect.map((all) => all.length)), 0)
      yield* pool.retire("a")
      yield* pool.retire("never seen")
      yield* pool.reconfigure({ maxConnectionsPerHost: 3, minIdle: 2, healthCheckInterval: "1 second" })
      assert.include(yield* pool.stats, { total: 0, active: 0, idle: 0, closing: 0, connecting: 0, waiting: 0 })
      assert.isTrue(Option.isNone(yield* pool.hostStats("a")))
      assert.deepStrictEqual(yield* pool.metrics, [])
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* network.dialed, 2)
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P9: its events end with the shutdown, and tell of it and of each close", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(grace)
      yield* pool.warm("a", 2)
      const started = yield* Deferred.make<void>()
      const heard = yield* pool.events.pipe(
        Stream.tap((event) => event._tag === "ShutdownStarted" ? Deferred.succeed(started, undefined) : Effect.void),
        Stream.runCollect,
        Effect.fork
      )
      yield* settle
      yield* pool.shutdown
      yield* Deferred.await(started)
      const events = [...(yield* Fiber.join(heard))]
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["ShutdownStarted", "Closed", "Closed"])
      assert.deepInclude(events[1], { reason: "shutdown", host: "a" })
    }))

  it.scoped("P9: the stats of a host say why its connections were closed, as long as it is there", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(grace)
      yield* pool.warm("a", 2)
      yield* borrow(pool)
      yield* Effect.fork(pool.shutdown)
      yield* settle
      assert.include(yield* statsOf(pool), { idle: 0, active: 1, closed: 1 })
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { shutdown: 1 })
    }))
})
