import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { Options } from "../src/PoolConfig.ts"
import type { TestConnector } from "../src/testing/index.ts"
import { ask, borrow, borrowers, settle, type TestPool } from "./rig.ts"
import { watched } from "./watched.ts"

interface Rest {
  readonly config?: Partial<Options<string>>
  readonly arrange: (pool: TestPool, network: TestConnector.TestNetwork) => Effect.Effect<unknown, unknown>
}

/** States in which a loop has something that it cannot mend now. */
const rests: Record<string, Rest> = {
  "the floor keeps connections that are past their time": {
    config: { minIdle: 3, idleTimeout: "1 second" },
    arrange: (pool) => pool.warm("a", 3)
  },
  "the floor cannot be reached for the limit": {
    config: { minIdle: 3, maxConnectionsPerHost: 3 },
    arrange: (pool) => borrowers(pool, 2)
  },
  "the floor cannot be reached for the total limit": {
    config: { minIdle: 2, maxConnections: 2 },
    arrange: (pool) => Effect.zipRight(borrow(pool, "a"), borrow(pool, "b"))
  },
  "the floor cannot be reached, for dials fail": {
    config: { minIdle: 2, breaker: { failures: Infinity } },
    arrange: (pool, network) => Effect.zipRight(network.failOpen("a", true), Effect.exit(ask(pool)))
  },
  "the floor cannot be reached, for the resolver fails": {
    config: { minIdle: 2 },
    arrange: (pool, network) => Effect.zipRight(network.failResolve("a", true), Effect.exit(ask(pool)))
  },
  "the floor cannot be reached, for breakers are open": {
    config: { minIdle: 2, breaker: { failures: 1 } },
    arrange: (pool, network) => Effect.zipRight(network.failOpen("a", true), Effect.exit(ask(pool)))
  },
  "a host is to be forgotten, but its breaker remembers": {
    config: { breaker: { failures: 1, openFor: "1 hour" }, idleTimeout: "1 second" },
    arrange: (pool, network) => Effect.zipRight(network.failOpen("a", true), Effect.exit(ask(pool)))
  },
  "a host is to be forgotten, but a lease of it is out": {
    config: { idleTimeout: "1 second" },
    arrange: (pool, network) =>
      Effect.gen(function*() {
        const holder = yield* borrow(pool)
        const { connection } = yield* holder.lease
        yield* network.closeFromPeer(connection)
      })
  },
  "connections past their time are being checked": {
    config: { idleTimeout: "3 seconds", healthCheckInterval: "2 seconds", healthCheckTimeout: "1 hour" },
    arrange: (pool, network) => Effect.zipRight(pool.warm("a", 3), network.hangChecks("a", true))
  },
  "a leak has been reported": {
    config: { leakThreshold: "1 second" },
    arrange: (pool) => borrow(pool)
  },
  "callers wait for what does not come": {
    config: { maxConnectionsPerHost: 1, acquireTimeout: Infinity },
    arrange: (pool) => borrowers(pool, 5)
  }
}

describe("loops rest", () => {
  for (const [name, { arrange, config = {} }] of Object.entries(rests)) {
    it.scoped(`P2: nothing spins while ${name}`, () =>
      Effect.gen(function*() {
        const { clock, network, pool } = yield* watched({ shutdownGrace: 0, checkInvariants: false, ...config })
        yield* arrange(pool, network)
        yield* TestClock.adjust("10 seconds")
        // in one instant nothing goes on at all
        const still = clock.reads
        yield* settle
        yield* settle
        assert.isAtMost(clock.reads - still, 2, "the time is looked at again and again while it stands still")
        // and in ten seconds not much
        yield* TestClock.adjust("10 seconds")
        assert.isAtMost(clock.reads - still, 500, "a loop runs far too often")
        yield* network.hangChecks("a", false)
      }))
  }
})
