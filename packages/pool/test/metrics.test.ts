import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import { type MetricJson, metrics } from "../src/PoolMetrics.ts"
import { ask, borrow, borrowers, rig, settle, statsOf, type TestPool } from "./rig.ts"

/** The names, tags and states of what Effect's registry has of one pool. */
const registered = (name: string) =>
  Effect.map(
    Metric.snapshot,
    (pairs) =>
      pairs.filter(({ metricKey }) => metricKey.tags.some(({ key, value }) => key === "pool" && value === name))
  )

const values = (all: ReadonlyArray<MetricJson>) =>
  Object.fromEntries(all.map(({ attributes, name, value }) => {
    const { pool: _pool, "server.address": host, ...rest } = attributes
    return [[host, name.replace(/^.*client\./, ""), ...Object.values(rest)].join(" "), value]
  }))

/** I10: what the metrics say is what the state says. */
const assertAgree = (pool: TestPool) =>
  Effect.gen(function*() {
    const said = values(yield* pool.metrics)
    for (const stats of (yield* pool.stats).hosts) {
      const at = (name: string) => said[`${stats.host} ${name}`] ?? 0
      assert.deepStrictEqual({
        active: at("open_connections active"),
        idle: at("open_connections idle"),
        connecting: at("connecting_connections"),
        closing: at("closing_connections"),
        waiting: at("pending_requests"),
        limit: at("connection.max"),
        opened: at("connection.opened"),
        failed: at("connection.failures"),
        fresh: at("connection.leases false"),
        reused: at("connection.leases true")
      }, {
        active: stats.active,
        idle: stats.idle,
        connecting: stats.connecting,
        closing: stats.closing,
        waiting: stats.waiting,
        limit: stats.limit,
        opened: stats.opened,
        failed: stats.failed,
        fresh: stats.acquired - stats.reused,
        reused: stats.reused
      })
      let closed = 0
      for (const [name, value] of Object.entries(said)) {
        if (name.startsWith(`${stats.host} connection.closed `)) closed += Number(value)
      }
      assert.strictEqual(closed, stats.closed)
    }
  })

describe("metrics", () => {
  it.scoped("P7: they agree with the state after everything that happens", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 3, name: "agree", connectTimeout: "1 second" })
      const all = yield* borrowers(pool, 5)
      yield* assertAgree(pool)
      yield* all[0]!.release
      yield* all[1]!.interrupt
      yield* assertAgree(pool)
      yield* network.delayClose("a", "100 millis")
      yield* all[2]!.die
      yield* assertAgree(pool)
      yield* TestClock.adjust("100 millis")
      yield* network.delayClose("a", 0)
      for (const one of all.slice(3)) yield* one.release
      yield* assertAgree(pool)
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool, "a", { fresh: true }))
      yield* network.hangOpen("a", true)
      const late = yield* borrow(pool, "a", { fresh: true })
      yield* assertAgree(pool)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* late.error)._tag, "ConnectTimeout")
      yield* network.hangOpen("a", false)
      yield* settle
      yield* ask(pool, "b")
      yield* pool.retire("a")
      yield* settle
      yield* assertAgree(pool)
      yield* pool.reconfigure({ maxConnectionsPerHost: 7 })
      yield* assertAgree(pool)
      yield* TestClock.adjust("30 seconds")
      yield* assertAgree(pool)
    }))

  it.scoped("P7: their names, attributes and units", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({
        name: "names",
        metricsPrefix: "docker.client",
        maxConnectionsPerHost: 1,
        closeTimeout: "1 second",
        acquireTimeout: "2 seconds",
        leakThreshold: "1 second"
      })
      yield* network.delayOpen("a", "250 millis")
      const first = yield* borrow(pool)
      const second = yield* borrow(pool)
      yield* TestClock.adjust("250 millis")
      yield* TestClock.adjust("1 second")
      yield* first.release
      yield* TestClock.adjust("750 millis")
      const third = yield* borrow(pool)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* third.error)._tag, "AcquireTimeout")
      yield* network.hangClose("a", true)
      yield* second.interrupt
      yield* TestClock.adjust("1 second")
      yield* network.hangClose("a", false)
      yield* settle
      yield* network.failOpen("a", true)
      const failing = yield* borrow(pool)
      yield* TestClock.adjust("250 millis")
      assert.strictEqual((yield* failing.error)._tag, "Refused")
      const all = yield* pool.metrics
      assert.deepStrictEqual(
        new Set(all.map(({ name }) => name)),
        new Set(
          Object.values(metrics).map(({ name }) => `docker.client.${name}`)
        )
      )
      for (const { attributes } of all) assert.include(attributes, { pool: "names", "server.address": "a" })
      const said = values(all)
      assert.include(said, {
        "a connection.leaks": 2,
        "a connection.abandoned": 1,
        "a connection.closed interrupted": 1,
        "a connection.failures": 1,
        "a connection.refusals AcquireTimeout": 1,
        "a connection.refusals Refused": 1,
        "a connection.max": 1
      })
      // seconds: the first waited for its dial, the second for the first
      assert.deepStrictEqual(said["a connection.wait_time"], { count: 2, sum: 1.5, min: 0.25, max: 1.25 })
      assert.deepStrictEqual(said["a connection.create_time"], { count: 2, sum: 0.5, min: 0.25, max: 0.25 })
      assert.deepStrictEqual(said["a connection.duration"], { count: 1, sum: 4.75, min: 4.75, max: 4.75 })
      assert.deepStrictEqual(JSON.parse(JSON.stringify(all)), all)
      // the same is in Effect's registry
      const names = (yield* registered("names")).map(({ metricKey }) => metricKey.name)
      assert.deepStrictEqual(names.toSorted(), all.map(({ name }) => name).toSorted())
    }))

  it.scoped("P7: those of a host that is gone are gone, and start at zero when it comes again", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ name: "gone", idleTimeout: "10 seconds" })
      yield* ask(pool, "a")
      yield* ask(pool, "b")
      assert.isNotEmpty(yield* registered("gone"))
      yield* TestClock.adjust("5 seconds")
      yield* ask(pool, "b")
      yield* TestClock.adjust("10 seconds")
      const hosts = (yield* registered("gone")).flatMap(({ metricKey }) =>
        metricKey.tags.filter(({ key }) => key === "server.address").map(({ value }) => value)
      )
      assert.notInclude(hosts, "a")
      yield* TestClock.adjust("20 seconds")
      assert.isEmpty(yield* registered("gone"))
      assert.isEmpty(yield* pool.metrics)
      yield* ask(pool, "a")
      yield* assertAgree(pool)
      assert.strictEqual((yield* statsOf(pool)).opened, 1)
    }))

  it.effect("P7: those of a pool that has closed are gone", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const { pool } = yield* rig({ name: "closed" })
        for (const key of ["a", "b", "c"]) yield* ask(pool, key)
        assert.isNotEmpty(yield* registered("closed"))
        yield* pool.shutdown
        assert.isEmpty(yield* registered("closed"))
      }))
      assert.isEmpty(yield* registered("closed"))
    }))

  it.scoped("P7: a thousand hosts that come and go leave nothing in the registry", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ name: "many", maxHosts: 10, checkInvariants: false, maxIdlePerHost: 0 })
      for (let n = 0; n < 1000; n++) {
        yield* ask(pool, `host-${n}`)
        if (n % 5 === 0) yield* settle
      }
      assert.isAtMost((yield* pool.stats).hosts.length, 10)
      const hosts = new Set((yield* registered("many")).map(({ metricKey }) => String(metricKey.tags)))
      assert.isAtMost(hosts.size, 10 * 20)
    }))
})
