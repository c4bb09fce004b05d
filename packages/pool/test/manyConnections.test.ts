import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { ask, borrow } from "./rig.ts"
import { fibersBefore, liveFibers, watched } from "./watched.ts"

const hosts = Array.from({ length: 100 }, (_, index) => `host${index}`)

describe("a big pool", () => {
  it.effect("P2: one with 1,000 connections on 100 hosts closes within a second, and leaves no fiber", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const scope = yield* Scope.make()
      const { clock, network, pool } = yield* Scope.extend(watched({ checkInvariants: false }), scope)
      yield* Effect.forEach(hosts, (key) => pool.warm(key, 10), { concurrency: "unbounded", discard: true })
      // 900 idle, some of them being checked, and 100 at work
      const users = yield* Effect.forEach(hosts, (key) => Effect.fork(pool.use(key, () => Effect.never)))
      for (const key of hosts) yield* network.delayChecks(key, "3 seconds")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.openNow(), 1000)
      assert.include(yield* pool.stats, { total: 1000, active: 100, idle: 900 })
      assert.isAtMost(yield* liveFibers, before + 100 + 10 + 20, "more fibers than users, checks and loops")

      const began = performance.now()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("999 millis")
      assert.isTrue((yield* closing.poll)._tag === "Some")
      const elapsed = performance.now() - began
      assert.isBelow(elapsed, 1000, `closing took ${elapsed} ms of real time`)
      assert.include(yield* pool.shutdown, { graceful: 900, cut: 100, abandoned: 0, elapsed: 500 })
      assert.strictEqual(yield* network.openNow(), 0)
      yield* Fiber.interruptAll(users)
      assert.strictEqual(yield* liveFibers, before)
      assert.strictEqual(clock.sleeping, 0)
    }))

  it.effect("P2: so does one whose closes all hang", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const scope = yield* Scope.make()
      const { clock, network, pool } = yield* Scope.extend(watched({ checkInvariants: false }), scope)
      for (const key of hosts) {
        yield* pool.warm(key, 10)
        yield* network.hangClose(key, true)
      }
      const ending = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("999 millis")
      assert.include(yield* Fiber.join(ending), { graceful: 0, abandoned: 1000 })
      assert.strictEqual(clock.sleeping, 0)
      for (const key of hosts) yield* network.hangClose(key, false)
      assert.strictEqual(yield* liveFibers, before)
      assert.strictEqual(yield* network.openNow(), 0)
      yield* Scope.close(scope, Exit.void)
    }))
})

describe("many pools", () => {
  it.effect("P2: made and closed 200 times, they leave nothing", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      for (let n = 0; n < 200; n++) {
        const scope = yield* Scope.make()
        const { clock, network, pool } = yield* Scope.extend(watched({ shutdownGrace: 0 }), scope)
        yield* ask(pool, "idle")
        if (n % 4 === 1) yield* network.hangOpen("dial", true)
        if (n % 4 === 2) yield* network.hangResolve("dial", true)
        const users = n % 2 === 0
          ? [yield* borrow(pool, "lent"), yield* borrow(pool, "dial")]
          : [yield* borrow(pool, "dial")]
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* network.openNow(), 0)
        assert.strictEqual(clock.sleeping, 0)
        yield* Fiber.interruptAll(users.map(({ fiber }) => fiber))
      }
      assert.strictEqual(yield* liveFibers, before)
    }))
})
