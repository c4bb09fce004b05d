import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as ConnectionPool from "../src/ConnectionPool.ts"
import type { Connector } from "../src/Connector.ts"
import * as PoolConfig from "../src/PoolConfig.ts"
import * as Settings from "../src/Settings.ts"
import { ask, borrow, borrowers, poolOf, rig, settle, statsOf } from "./rig.ts"

describe("warm", () => {
  it.scoped("P1: opens ahead, to so many connections, whoever uses them", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* borrow(pool)
      yield* pool.warm("a", 4)
      assert.include(yield* statsOf(pool), { active: 1, idle: 3, acquired: 1 })
      yield* pool.warm("a", 4)
      assert.strictEqual(yield* network.dialed, 4)
      yield* pool.warm("a", 0)
      assert.strictEqual(yield* network.dialed, 4)
    }))

  it.scoped("P1: as many as the limits allow", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 3, maxConnections: 5, maxConnectingPerHost: 2 })
      yield* pool.warm("a", 100)
      assert.include(yield* statsOf(pool), { idle: 3 })
      yield* pool.warm("b", 100)
      assert.include(yield* statsOf(pool, "b"), { idle: 2 })
      // nothing that is idle elsewhere was closed for it
      assert.include(yield* statsOf(pool, "a"), { idle: 3 })
      assert.strictEqual(yield* network.peakOpen(), 5)
      assert.isAtMost(yield* network.peakOpening("a"), 2)
    }))

  it.scoped("P1: it fails as an acquire does", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1 }, maxHosts: 3, acquireTimeout: "3 seconds" })
      yield* network.failOpen("a", true)
      assert.strictEqual((yield* Effect.flip(pool.warm("a", 2)))._tag, "Refused")
      assert.include(yield* Effect.flip(pool.warm("a", 2)), { _tag: "HostUnavailable", reason: "breakerOpen" })
      yield* network.failResolve("b", true)
      assert.isDefined(yield* Effect.flip(pool.warm("b", 2)))
      yield* network.hangOpen("c", true)
      const slow = yield* Effect.fork(Effect.flip(pool.warm("c", 2)))
      yield* settle
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(slow))._tag, "AcquireTimeout")
      yield* network.hangOpen("c", false)
      yield* settle
      yield* pool.shutdown
      assert.strictEqual((yield* Effect.flip(pool.warm("a", 2)))._tag, "PoolClosed")
    }))

  it.scoped("P6: interrupted, its dials lead to idle connections", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.hangOpen("a", true)
      const fiber = yield* Effect.fork(pool.warm("a", 3))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { idle: 3, connecting: 0 })
    }))

  it.scoped("P1: what is being warmed serves whoever comes", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2 })
      yield* network.hangOpen("a", true)
      const warming = yield* Effect.fork(pool.warm("a", 2))
      yield* settle
      const [one, other] = yield* borrowers(pool, 2)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.deepStrictEqual([yield* one!.has, yield* other!.has], [true, true])
      yield* Fiber.join(warming)
      assert.strictEqual(yield* network.dialed, 2)
    }))
})

describe("retire", () => {
  it.scoped("P3: idle ones close now, active ones after use, and those being dialed are not lent", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const [busy, idle] = yield* borrowers(pool, 2)
      yield* idle!.release
      const other = yield* borrow(pool, "b")
      yield* network.hangOpen("a", true)
      const dialing = yield* borrow(pool, "a", { fresh: true })
      yield* pool.retire("a")
      assert.include(yield* statsOf(pool), { active: 1, idle: 0 })
      yield* network.hangOpen("a", false)
      yield* settle
      assert.strictEqual((yield* dialing.lease).connection.id, 5)
      yield* busy!.release
      assert.deepInclude(yield* statsOf(pool), { active: 1, idle: 0, closedBy: { retired: 3 } })
      assert.isTrue((yield* other.lease).connection.isOpen)
      yield* pool.retire("unknown")
    }))
})

class Endpoint extends Data.Class<{ readonly host: string; readonly identity: string }> {}

const endpoints: Connector<Endpoint, { readonly identity: string }> = {
  label: ({ host }) => host,
  resolve: () => Effect.succeed({ addresses: ["local"] }),
  open: ({ identity }) => Effect.acquireRelease(Effect.succeed({ identity }), () => Effect.void),
  check: () => Effect.void
}

describe("keys", () => {
  it.scoped("P8: two that are equal share a host, two with the same label do not", () =>
    Effect.gen(function*() {
      const pool = yield* poolOf(endpoints, { name: "keyed" })
      const identity = (key: Endpoint) => pool.use(key, ({ connection }) => Effect.succeed(connection.identity))
      assert.strictEqual(yield* identity(new Endpoint({ host: "db", identity: "alice" })), "alice")
      assert.strictEqual(yield* identity(new Endpoint({ host: "db", identity: "alice" })), "alice")
      assert.strictEqual(yield* identity(new Endpoint({ host: "db", identity: "bob" })), "bob")
      const { hosts } = yield* pool.stats
      assert.deepStrictEqual(hosts.map(({ acquired, host, opened }) => [host, opened, acquired]), [
        ["db", 1, 2],
        ["db", 1, 1]
      ])
    }))
})

describe("a pool", () => {
  it.scoped("P7: knows what it is, and shows itself without its insides", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ name: "shown" })
      assert.isTrue(ConnectionPool.isConnectionPool(pool))
      for (const other of [undefined, null, 1, {}, { stats: Effect.void }]) {
        assert.isFalse(ConnectionPool.isConnectionPool(other))
      }
      yield* ask(pool)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(pool)), {
        _id: "ConnectionPool",
        name: "shown",
        stats: yield* pool.stats
      })
      const lease = yield* pool.acquire("a")
      assert.deepStrictEqual(JSON.parse(JSON.stringify(lease)), {
        _id: "Lease",
        host: "a",
        connection: 1,
        address: "10.0.0.1",
        reused: true
      })
      assert.strictEqual(pool.pipe((self) => self), pool)
    }))
})

describe("settings", () => {
  it("are declared, checked and read by adapters as by the pool", () => {
    const rules = ["count", "finite", "finiteCount", "finitePositive", "flag", "oneOf", "path", "period", "positive"]
    const tables = ["field", "durationField", "namesOf", "defaultsOf", "presets"]
    const values = ["argument", "decode", "environment", "kindOf", "split", "splitOverrides"]
    assert.sameMembers(Object.keys(Settings), [...rules, "share", "text", ...tables, ...values])
  })

  it("have names, which are those of the defaults", () => {
    assert.sameMembers([...PoolConfig.names], [...Object.keys(PoolConfig.defaults), "overrides"])
    assert.strictEqual(new Set(PoolConfig.names).size, PoolConfig.names.length)
    const beyondHosts = PoolConfig.names.filter((name) => !PoolConfig.hostNames.some((known) => known === name))
    assert.sameMembers(beyondHosts, [
      "maxConnections",
      "maxIdle",
      "maxHosts",
      "maxResolving",
      "lifetimeJitter",
      "healthCheckInterval",
      "healthCheckConcurrency",
      "dnsRefreshInterval",
      "shutdownGrace",
      "eventBuffer",
      "name",
      "metricsPrefix",
      "leakStacks",
      "checkInvariants",
      "overrides"
    ])
  })
})
