import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf } from "./rig.ts"

describe("the idle timeout", () => {
  it.scoped("P4: a connection idle for 60 seconds is closed, not one idle for 59", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* ask(pool)
      yield* TestClock.adjust("59999 millis")
      assert.include(yield* statsOf(pool), { idle: 1 })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.strictEqual(yield* network.closed, 1)
    }))

  it.scoped("P4: being used starts it anew, and being lent for long does not count", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* ask(pool)
      yield* TestClock.adjust("40 seconds")
      const holder = yield* borrow(pool)
      yield* TestClock.adjust("100 seconds")
      yield* holder.release
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* network.openNow(), 0)
      assert.strictEqual(yield* network.dialed, 1)
    }))

  it.scoped("P4: each connection has its own, and the reason is told", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckInterval: Infinity })
      const all = yield* borrowers(pool, 3)
      for (const one of all) {
        yield* one.release
        yield* TestClock.adjust("10 seconds")
      }
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [2, 3])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [3])
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { idle: 2 })
    }))

  it.scoped("P4: with Infinity nothing is closed for being idle", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        idleTimeout: Infinity,
        maxLifetime: Infinity,
        healthCheckInterval: Infinity,
        dnsRefreshInterval: Infinity
      })
      yield* ask(pool)
      yield* TestClock.adjust("30 days")
      assert.strictEqual(yield* network.openNow(), 1)
      assert.strictEqual(yield* ask(pool), 1)
    }))

  it.scoped("P4: a connection that is being checked when its time has come is closed as soon as the check is over", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ idleTimeout: "11 seconds" })
      yield* ask(pool)
      yield* network.delayChecks("a", "2 seconds")
      yield* TestClock.adjust("11999 millis")
      assert.strictEqual(yield* network.openNow(), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P4: an acquire at the very instant of the eviction never gets the evicted one, whichever comes first", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ idleTimeout: "10 seconds", healthCheckInterval: Infinity })
      // one sleeps from before the pool's loop does, one from after it: they wake on either side of it
      const firstComes = yield* Effect.fork(Effect.zipRight(Effect.sleep("10 seconds"), ask(pool, "first")))
      yield* settle
      yield* ask(pool, "first")
      yield* ask(pool, "later")
      yield* settle
      const laterComes = yield* Effect.fork(Effect.zipRight(Effect.sleep("10 seconds"), ask(pool, "later")))
      yield* TestClock.adjust("10 seconds")
      const served = [yield* Fiber.join(firstComes), yield* Fiber.join(laterComes)]
      assert.sameMembers(served, [3, 4])
      assert.strictEqual(yield* network.closed, 2)
    }))

  it.scoped("P4: under steady use at the edge of the timeout nobody ever holds a connection that is closed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ idleTimeout: "20 millis", healthCheckInterval: Infinity })
      const bad = yield* Ref.make(0)
      const user = (pause: number) =>
        pool.use("a", ({ connection }) =>
          Effect.zipRight(
            Effect.yieldNow(),
            connection.isOpen ? Effect.void : Ref.update(bad, (n) => n + 1)
          )).pipe(Effect.zipRight(Effect.sleep(pause)), Effect.repeatN(9))
      const users = yield* Effect.forEach([19, 20, 21, 40], (pause) => Effect.fork(user(pause)))
      for (let n = 0; n < 42; n++) yield* TestClock.adjust("10 millis")
      yield* Fiber.joinAll(users)
      assert.strictEqual(yield* Ref.get(bad), 0)
      assert.isAbove(yield* network.closed, 1)
    }))
})

describe("the floor of idle connections", () => {
  it.scoped("P4: minIdle connections are kept, the others go", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 2, maxLifetime: Infinity })
      yield* pool.warm("a", 5)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* network.openNow(), 2)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* network.openNow(), 2)
      assert.strictEqual(yield* network.dialed, 5)
    }))

  it.scoped("P4: one that the floor kept goes as soon as another one takes its place", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ minIdle: 1, maxLifetime: Infinity, healthCheckInterval: Infinity })
      yield* pool.warm("a", 1)
      yield* TestClock.adjust("90 seconds")
      const [one, two] = yield* borrowers(pool, 2)
      yield* two!.release
      yield* TestClock.adjust("70 seconds")
      // number two has been idle for more than a minute, but is all there is
      assert.include(yield* statsOf(pool), { idle: 1, active: 1 })
      yield* one!.release
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [1])
    }))
})

describe("how many may be idle", () => {
  it.scoped("P4: beyond maxIdlePerHost the oldest idle one is closed when another one comes back", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxIdlePerHost: 2 })
      const all = yield* borrowers(pool, 4)
      for (const one of all) yield* one.release
      assert.deepStrictEqual((yield* network.connections("a")).map(({ id }) => id), [3, 4])
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { surplus: 2 })
    }))

  it.scoped("P4: with maxIdlePerHost 0 every connection serves once and is closed, or handed to whoever waits", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxIdlePerHost: 0, maxConnectionsPerHost: 1 })
      const [first, second] = yield* borrowers(pool, 2)
      yield* first!.release
      assert.strictEqual((yield* second!.lease).connection.id, 1)
      yield* second!.release
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.scoped("P4: maxIdle bounds the idle ones of all hosts together", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxIdle: 3 })
      for (const key of ["a", "b", "c", "d", "e"]) {
        const all = yield* borrowers(pool, 2, key)
        for (const one of all) yield* one.release
        assert.isAtMost((yield* pool.stats).idle, 3)
      }
      assert.strictEqual(yield* network.openNow(), 3)
    }))
})
