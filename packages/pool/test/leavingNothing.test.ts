import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Options } from "../src/PoolConfig.ts"
import type { TestConnector } from "../src/testing/index.ts"
import type { TestPool } from "./rig.ts"
import { ask, borrow, borrowers, settle } from "./rig.ts"
import { fibersBefore, liveFibers, watched } from "./watched.ts"

interface State {
  readonly config?: Partial<Options<string>>
  /** brings the pool into the state; whoever is still there once the pool has closed is to be interrupted */
  readonly arrange: (
    pool: TestPool,
    network: TestConnector.TestNetwork
  ) => Effect.Effect<ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>> | void, unknown>
}

const open = (pool: TestPool, count = 3, key = "a") =>
  Effect.gen(function*() {
    const all = yield* borrowers(pool, count, key)
    for (const one of all) yield* one.release
  })

const states: Record<string, State> = {
  "was never used": { arrange: () => Effect.void },
  "has idle connections": { arrange: (pool) => open(pool) },
  "has lent connections": { arrange: (pool) => Effect.map(borrowers(pool, 3), (all) => all.map((one) => one.fiber)) },
  "has callers in the queue": {
    config: { maxConnectionsPerHost: 1 },
    arrange: (pool) => Effect.map(borrowers(pool, 4), (all) => all.map((one) => one.fiber))
  },
  "dials": {
    arrange: (pool, network) => Effect.zipRight(network.delayOpen("a", "3 seconds"), Effect.asVoid(borrowers(pool, 3)))
  },
  "has a dial that hangs": {
    arrange: (pool, network) => Effect.zipRight(network.hangOpen("a", true), Effect.asVoid(borrowers(pool, 3)))
  },
  "races addresses": {
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* network.setAddresses("a", ["10.0.0.1", "10.0.0.2"])
        yield* network.hangOpen("a", true)
        yield* borrow(pool)
        yield* TestClock.adjust("300 millis")
        assert.strictEqual(yield* network.opening("a"), 2)
      })
  },
  "is about to race addresses": {
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* network.setAddresses("a", ["10.0.0.1", "10.0.0.2"])
        yield* network.hangOpen("a", true)
        yield* borrow(pool)
      })
  },
  "waits for a resolver that hangs": {
    arrange: (pool, network) => Effect.zipRight(network.hangResolve("a", true), Effect.asVoid(borrowers(pool, 3)))
  },
  "has more hosts to resolve than it may at once": {
    config: { maxResolving: 1 },
    arrange: (pool, network) =>
      Effect.forEach(["a", "b", "c"], (key) => Effect.zipRight(network.hangResolve(key, true), borrow(pool, key)), {
        discard: true
      })
  },
  "refreshes addresses": {
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* open(pool)
        yield* network.hangResolve("a", true)
        yield* TestClock.adjust("30 seconds")
      })
  },
  "checks": {
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* open(pool)
        yield* network.delayChecks("a", "2 seconds")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* network.peakChecks, 3)
      })
  },
  "has checks that hang": {
    config: { healthCheckConcurrency: 2 },
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* open(pool)
        yield* network.hangChecks("a", true)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* network.peakChecks, 2)
      })
  },
  "closes connections": {
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* network.delayClose("a", "300 millis")
        yield* open(pool)
        yield* pool.retire("a")
        yield* settle
        assert.include(yield* pool.stats, { closing: 3, idle: 0 })
      })
  },
  "has a host that fails": {
    config: { minIdle: 2 },
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* network.failOpen("a", true)
        yield* Effect.exit(ask(pool))
        yield* TestClock.adjust("150 millis")
      })
  },
  "opens breakers": {
    config: { breaker: { failures: 1 } },
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* network.failOpen("a", true)
        yield* Effect.exit(ask(pool))
      })
  },
  "warms a host up": {
    arrange: (pool, network) =>
      Effect.gen(function*() {
        yield* network.hangOpen("a", true)
        yield* Effect.fork(pool.warm("a", 5))
        yield* settle
        assert.strictEqual(yield* network.opening("a"), 5)
      })
  },
  "is listened to": {
    arrange: (pool) =>
      Effect.gen(function*() {
        for (let n = 0; n < 3; n++) yield* Effect.fork(Stream.runDrain(pool.events))
        yield* open(pool)
      })
  },
  "reports a leak": {
    config: { leakThreshold: "1 second" },
    arrange: (pool) =>
      Effect.gen(function*() {
        const holder = yield* borrow(pool)
        yield* TestClock.adjust("1 second")
        return [holder.fiber]
      })
  }
}

/** Brings a pool into a state, ends it, and counts. */
const leavesNothing = (
  { arrange, config = {} }: State,
  end: (pool: TestPool, scope: Scope.CloseableScope) => Effect.Effect<unknown>
) =>
  Effect.gen(function*() {
    const before = yield* fibersBefore
    const scope = yield* Scope.make()
    const { clock, network, pool } = yield* Scope.extend(watched({ ...config }), scope)
    const users = yield* arrange(pool, network)
    const ending = yield* Effect.fork(end(pool, scope))
    // within one second, the grace of the leases at work included
    yield* TestClock.adjust("999 millis")
    assert.isTrue(Option.isSome(yield* ending.poll), "it did not end in time")
    assert.strictEqual(yield* network.openNow(), 0)
    for (const user of users ?? []) {
      assert.isTrue(Option.isNone(yield* user.poll) || Exit.isFailure(yield* Fiber.await(user)))
      yield* Fiber.interrupt(user)
    }
    assert.strictEqual(yield* liveFibers, before)
    assert.strictEqual(clock.sleeping, 0)
    // and nothing wakes up later
    yield* network.hangOpen("a", false)
    yield* TestClock.adjust("2 minutes")
    assert.strictEqual(yield* network.openNow(), 0)
    assert.strictEqual(yield* liveFibers, before)
    assert.strictEqual(clock.sleeping, 0)
    yield* Scope.close(scope, Exit.void)
  })

describe("after its end a pool leaves nothing behind", () => {
  for (const [name, state] of Object.entries(states)) {
    it.effect(`P2: neither fiber nor timer nor socket is left when the scope closes of a pool that ${name}`, () =>
      leavesNothing(state, (_, scope) => Scope.close(scope, Exit.void)))

    it.effect(`P2: nor when it is shut down and ${name}`, () => leavesNothing(state, (pool) => pool.shutdown))
  }

  it.effect("P2: what nothing can end is left behind in time, and does no harm when it ends by itself", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const scope = yield* Scope.make()
      const { clock, network, pool } = yield* Scope.extend(watched(), scope)
      yield* open(pool, 2, "close")
      yield* network.hangClose("close", true)
      yield* network.uninterruptibleOpen("open", true)
      yield* network.hangOpen("open", true)
      yield* borrow(pool, "open")
      const ending = yield* Effect.fork(Effect.timed(pool.shutdown))
      yield* TestClock.adjust("1 second")
      const [elapsed, report] = yield* Fiber.join(ending)
      assert.isAtMost(Duration.toMillis(elapsed), 1000)
      assert.include(report, { cut: 0, graceful: 0 })
      assert.strictEqual(clock.sleeping, 0)
      assert.strictEqual(yield* liveFibers, before + 3)
      yield* network.hangClose("close", false)
      yield* network.hangOpen("open", false)
      assert.strictEqual(yield* liveFibers, before)
      assert.strictEqual(yield* network.openNow(), 0)
      yield* Scope.close(scope, Exit.void)
    }))

  it.effect("P2: a close that ends after its pool wakes nothing up", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const scope = yield* Scope.make()
      const { clock, network, pool } = yield* Scope.extend(watched({ shutdownGrace: 0 }), scope)
      const first = yield* borrow(pool)
      yield* TestClock.adjust("61 seconds")
      const second = yield* borrow(pool)
      yield* network.hangClose("a", true)
      const ending = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(ending)
      yield* Fiber.interruptAll([first.fiber, second.fiber])
      yield* network.hangClose("a", false)
      assert.strictEqual(yield* liveFibers, before)
      assert.strictEqual(clock.sleeping, 0)
    }))

  it.effect("P2: a scope whose finalizers run in parallel closes a pool as well", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const scope = yield* Scope.make()
      const { clock, network, pool } = yield* Scope.extend(Effect.parallelFinalizers(watched()), scope)
      yield* open(pool, 2)
      yield* network.hangClose("a", true)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isSome(yield* closing.poll))
      assert.strictEqual(clock.sleeping, 0)
      yield* network.hangClose("a", false)
      assert.strictEqual(yield* liveFibers, before)
    }))

  it.effect("P2: a pool whose making is interrupted leaves nothing", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      for (let turns = 0; turns < 20; turns++) {
        const making = yield* Effect.fork(Effect.scoped(Effect.zipRight(watched(), Effect.never)))
        yield* Effect.repeatN(Effect.yieldNow(), turns)
        yield* Fiber.interrupt(making)
        assert.strictEqual(yield* liveFibers, before)
      }
    }))
})
