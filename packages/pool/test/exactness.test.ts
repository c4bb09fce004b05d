import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import type { TestNetwork } from "../src/testing/index.ts"
import { ask, borrowers, holders, rig, settle, statsOf, type TestPool } from "./rig.ts"

const keys = ["a", "b", "c"]

/** One thing that a caller may do. */
const operation = (pool: TestPool, key: string) =>
  Effect.gen(function*() {
    const turns = yield* Random.nextIntBetween(0, 12)
    const fresh = yield* Random.nextIntBetween(0, 10)
    const options = { fresh: fresh === 0, timeout: 20 + turns * 10 }
    const rest = Effect.repeatN(Effect.yieldNow(), turns)
    const ways: Array<Effect.Effect<unknown, unknown>> = [
      pool.use(key, () => rest, options),
      pool.use(key, () => Effect.zipRight(rest, Effect.sleep(turns * 5)), options),
      pool.use(key, () => Effect.zipRight(rest, Effect.fail("typed")), options),
      pool.use(key, () => Effect.zipRight(rest, Effect.dieMessage("defect")), options),
      pool.use(key, (lease) => Effect.zipRight(rest, lease.discard("odd")), options),
      pool.use(key, (lease) => Effect.zipRight(lease.retire("odd"), rest), options),
      pool.use(key, (lease) => Effect.zipRight(rest, lease.reportFailure("500")), options),
      pool.use(key, () => Effect.zipRight(rest, Effect.interrupt), options),
      Effect.scoped(Effect.zipRight(pool.acquire(key, options), rest)),
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(pool.lease(key, options)), (lease) =>
          Effect.onExit(restore(rest), (exit) => lease.release(exit)))
      ),
      pool.use(key, () =>
        Effect.ignore(pool.use(key, () => rest, options)), options),
      pool.warm(key, turns % 4)
    ]
    return ways[yield* Random.nextIntBetween(0, ways.length)]!
  })

/** One thing that may go wrong in the network, or cease to. */
const weather = (network: TestNetwork, key: string) =>
  Effect.gen(function*() {
    const on = yield* Random.nextBoolean
    const all = yield* network.connections(key)
    const connection = all[yield* Random.nextIntBetween(0, Math.max(1, all.length))]
    const events: Array<Effect.Effect<void>> = [
      network.failOpen(key, on),
      network.hangOpen(key, on),
      network.hangOpenAt(key, "one", on),
      network.failOpenAt(key, "two", on),
      network.dieOpen(key, on),
      network.uninterruptibleOpen(key, on),
      network.localFault(key, on),
      network.throwFrom(key, "open", on),
      network.hangClose(key, on),
      network.dieClose(key, on),
      network.keepOnInterrupt(key, on),
      network.failResolve(key, on),
      network.hangResolve(key, on),
      network.setAddresses(key, on ? ["one", "two"] : ["two", "three"]),
      connection === undefined ? Effect.void : network.closeFromPeer(connection),
      connection === undefined ? Effect.void : network.setDraining(connection)
    ]
    return yield* events[yield* Random.nextIntBetween(0, events.length)]!
  })

const calm = (network: TestNetwork, key: string) =>
  Effect.all([
    network.failOpen(key, false),
    network.hangOpen(key, false),
    network.hangOpenAt(key, "one", false),
    network.failOpenAt(key, "two", false),
    network.dieOpen(key, false),
    network.uninterruptibleOpen(key, false),
    network.throwFrom(key, "open", false),
    network.hangClose(key, false),
    network.dieClose(key, false),
    network.failResolve(key, false),
    network.hangResolve(key, false)
  ], { discard: true })

describe("after any mix of failures", () => {
  for (const [seed, capacity] of [[2, 1], [3, 1], [5, 3]] as const) {
    it.scoped(`S5 S1: the permits are exact (seed ${seed}, capacity ${capacity})`, () =>
      Effect.gen(function*() {
        const { network, pool } = yield* rig({
          maxConnectionsPerHost: 4,
          maxConnections: 8,
          maxWaitersPerHost: 6,
          connectTimeout: "100 millis",
          resolveTimeout: "100 millis",
          breaker: { failures: 4, openFor: "200 millis" }
        }, { addresses: ["one", "two"], capacity })
        const fibers: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
        for (let n = 0; n < 300; n++) {
          const key = keys[yield* Random.nextIntBetween(0, 3)]!
          fibers.push(yield* Effect.fork(yield* operation(pool, key)))
          if (n % 7 === 0) yield* weather(network, key)
          if (n % 5 === 0) yield* Fiber.interruptFork(fibers[yield* Random.nextIntBetween(0, fibers.length)]!)
          if (n % 20 === 0) yield* TestClock.adjust(yield* Random.nextIntBetween(1, 80))
          else for (let turns = yield* Random.nextIntBetween(0, 4); turns > 0; turns--) yield* Effect.yieldNow()
        }
        for (const key of keys) yield* calm(network, key)
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.awaitAll(fibers)
        yield* settle
        assert.include(yield* pool.stats, { active: 0, connecting: 0, closing: 0, abandoned: 0, waiting: 0 })
        assert.strictEqual(yield* network.openNow(), (yield* pool.stats).idle)
        assert.isAtMost(yield* network.peakOpening("a"), 32)
        for (const key of keys) {
          yield* network.setCapacity(key, 1)
          yield* pool.retire(key)
          yield* settle
          // breakers that are open let their probes through, and close
          for (let probes = 0; probes < 4; probes++) yield* ask(pool, key, { fresh: true })
          const all = yield* borrowers(pool, 4, key)
          assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3], key)
          assert.include(yield* statsOf(pool, key), { active: 4 })
          for (const one of all) yield* one.release
        }
      }).pipe(Effect.withRandom(Random.make(seed))))
  }
})
