import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import type { Connector } from "../src/Connector.ts"
import { borrow, borrowers, poolOf, rig, settle, type TestPool } from "./rig.ts"

/** Shuts the pool down and tells what came of it. The time goes on as far as it is needed. */
const report = (pool: TestPool) =>
  Effect.gen(function*() {
    const ending = yield* Effect.fork(pool.shutdown)
    yield* TestClock.adjust("3 seconds")
    return yield* Fiber.join(ending)
  })

describe("a shutdown that meets what hangs", () => {
  it.scoped("P9: closes that hang are abandoned in time", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: "500 millis" }, { left: 3 })
      yield* pool.warm("a", 3)
      yield* pool.warm("b", 2)
      yield* network.hangClose("a", true)
      const { elapsed, ...rest } = yield* report(pool)
      assert.deepStrictEqual(rest, { graceful: 2, cut: 0, abandoned: 3 })
      assert.isAtMost(elapsed, 1000)
    }))

  it.scoped("P9: also when the grace was over before they began", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: "500 millis" }, { left: 2 })
      yield* borrowers(pool, 2)
      yield* network.hangClose("a", true)
      const { elapsed, ...rest } = yield* report(pool)
      assert.include(rest, { cut: 2, abandoned: 2 })
      assert.isAtMost(elapsed, 1000)
    }))

  it.scoped("P9: a connection that was cut and then abandoned takes nothing from those that ended well", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: 0 }, { left: 1 })
      yield* pool.warm("b", 3)
      yield* borrow(pool)
      yield* network.hangClose("a", true)
      const { elapsed: _, ...rest } = yield* report(pool)
      assert.deepStrictEqual(rest, { graceful: 3, cut: 1, abandoned: 1 })
    }))

  it.scoped("P9: nor does one whose close hung already when the shutdown began", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: 0 }, { left: 1 })
      yield* pool.warm("b", 3)
      yield* network.hangClose("a", true)
      yield* pool.use("a", (lease) => lease.discard("done with it"))
      yield* settle
      const { elapsed: _, ...rest } = yield* report(pool)
      assert.deepStrictEqual(rest, { graceful: 3, cut: 0, abandoned: 1 })
    }))

  it.scoped("P9: dials, checks and resolvers that hang uninterruptibly do not hold it up", () =>
    Effect.gen(function*() {
      const stubborn: Connector<string, { readonly id: number }> = {
        label: (key) => key,
        resolve: (key) =>
          key === "resolve" ? Effect.uninterruptible(Effect.never) : Effect.succeed({ addresses: ["local"] }),
        open: (key) => key === "open" ? Effect.uninterruptible(Effect.never) : Effect.succeed({ id: 1 }),
        check: () => Effect.uninterruptible(Effect.never)
      }
      const pool = yield* poolOf(stubborn, { shutdownGrace: "500 millis", healthCheckInterval: "1 second" })
      yield* pool.warm("check", 3)
      yield* TestClock.adjust("1 second")
      yield* Effect.fork(Effect.exit(pool.warm("open", 2)))
      yield* Effect.fork(Effect.exit(pool.warm("resolve", 1)))
      yield* settle
      const ending = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("3 seconds")
      const { elapsed } = yield* Fiber.join(ending)
      assert.isAtMost(elapsed, 1000)
    }))

  it.scoped("P9: each host has the time for closing that its own settings say", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig(
        { shutdownGrace: 0, overrides: (key) => key === "slow" ? { closeTimeout: "2 seconds" } : {} },
        { left: 1 }
      )
      yield* pool.warm("a", 1)
      yield* pool.warm("slow", 1)
      yield* network.hangClose("a", true)
      yield* network.delayClose("slow", "1500 millis")
      assert.include(yield* report(pool), { graceful: 1, abandoned: 1 })
    }))

  it.scoped("P9: a close that ends after all leaves nothing in the metrics", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: 0, name: "abandoning" })
      yield* pool.warm("a", 1)
      yield* network.hangClose("a", true)
      yield* report(pool)
      yield* network.hangClose("a", false)
      yield* settle
      const left = (yield* Metric.snapshot).filter(({ metricKey }) =>
        metricKey.tags.some(({ value }) => value === "abandoning")
      )
      assert.deepStrictEqual(left.map(({ metricKey }) => metricKey.name), [])
    }))

  it.scoped("P9: closes that die end like others", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ shutdownGrace: 0 })
      yield* pool.warm("a", 2)
      yield* borrow(pool)
      yield* network.dieClose("a", true)
      assert.include(yield* report(pool), { graceful: 1, cut: 1, abandoned: 0 })
    }))
})
