import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { ask, rig, settle } from "./rig.ts"

describe("bursts", () => {
  it.scoped("S5: ten thousand requests in bursts leave nothing but what is idle, and then nothing", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        maxConnectionsPerHost: 20,
        maxWaitersPerHost: 1000,
        idleTimeout: "10 seconds",
        checkInvariants: false
      })
      const request = (n: number) =>
        pool.use(`host-${n % 4}`, () => n % 50 === 0 ? Effect.fail("typed") : Effect.yieldNow()).pipe(
          n % 101 === 0 ? (use) => Effect.race(use, Effect.yieldNow()) : Effect.asSome,
          Effect.exit
        )
      const sizes: Array<number> = []
      for (let burst = 0; burst < 20; burst++) {
        const fibers = yield* Effect.forkAll(Array.from({ length: 500 }, (_, n) => request(n)))
        yield* Fiber.join(fibers)
        yield* settle
        assert.include(yield* pool.stats, { active: 0, connecting: 0, closing: 0, waiting: 0 })
        sizes.push((yield* pool.metrics).length)
      }
      const stats = yield* pool.stats
      const acquired = stats.hosts.reduce((sum, host) => sum + host.acquired, 0)
      assert.isAbove(acquired, 9_800)
      assert.isAtMost(yield* network.peakOpen(), 80)
      assert.isAbove(stats.hosts.reduce((sum, host) => sum + host.reused, 0) / acquired, 0.9)
      assert.strictEqual(new Set(sizes.slice(1)).size, 1)
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(yield* pool.stats, { total: 0, hosts: [] })
      assert.isEmpty(yield* pool.metrics)
      assert.strictEqual(yield* network.openNow(), 0)
      assert.isNumber(yield* ask(pool))
    }))
})
