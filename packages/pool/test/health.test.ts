import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, rig, settle, statsOf, type TestPool } from "./rig.ts"

/** So many idle connections. */
const open = (pool: TestPool, count: number, key = "a") =>
  Effect.gen(function*() {
    const all = yield* borrowers(pool, count, key)
    for (const one of all) yield* one.release
  })

describe("health checks", () => {
  it.scoped("P3: every idle connection is checked once an interval, through itself", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 3, "a")
      yield* open(pool, 2, "b")
      const checks = Effect.map(
        Effect.all([network.connections("a"), network.connections("b")]),
        (hosts) => hosts.flat().map((connection) => connection.checks)
      )
      yield* TestClock.adjust("9999 millis")
      assert.deepStrictEqual(yield* checks, [0, 0, 0, 0, 0])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* checks, [1, 1, 1, 1, 1])
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(yield* checks, [3, 3, 3, 3, 3])
      assert.strictEqual(yield* network.checks, 15)
      assert.include(yield* pool.stats, { idle: 5, total: 5 })
    }))

  it.scoped("P3: a connection at work is not checked, and is again when it is idle", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const one = yield* borrow(pool)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* network.checks, 0)
      yield* one.release
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.checks, 1)
    }))

  it.scoped("P3: a connection that fails its check is closed within one interval and never lent again", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 3)
      const [sick, ...healthy] = yield* network.connections("a")
      yield* network.failChecks(sick!, true)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* network.connections("a"), healthy)
      assert.include(yield* statsOf(pool), { idle: 2, total: 2 })
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { unhealthy: 1 })
      const all = yield* borrowers(pool, 3)
      const lent = yield* Effect.forEach(all, (one) => Effect.map(one.lease, (lease) => lease.connection.id))
      assert.notInclude(lent, sick!.id)
    }))

  it.scoped("P3: the event of its end says what the check said", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 1)
      const closed = yield* pool.events.pipe(
        Stream.filter((event) => event._tag === "Closed"),
        Stream.take(1),
        Stream.runCollect,
        Effect.fork
      )
      yield* settle
      yield* network.failAllChecks("a", true)
      yield* TestClock.adjust("10 seconds")
      const event = Chunk.unsafeHead(yield* Fiber.join(closed))
      assert.include(event, { reason: "unhealthy", host: "a", address: "10.0.0.1", age: 10_000 })
      assert.include(event.detail, "check was refused")
    }))

  it.scoped("P3: a connection that the peer closes is gone at once, idle or lent", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 2)
      const [first, second] = yield* network.connections("a")
      yield* network.closeFromPeer(first!)
      yield* settle
      assert.include(yield* statsOf(pool), { idle: 1, total: 1, closing: 0 })
      const holder = yield* borrow(pool)
      assert.strictEqual((yield* holder.lease).connection, second)
      yield* network.closeFromPeer(second!)
      yield* settle
      assert.include(yield* statsOf(pool), { idle: 0, active: 0, total: 0, closing: 0 })
      yield* holder.release
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { peer: 2 })
      assert.strictEqual(yield* ask(pool), 3)
    }))

  it.scoped("P3: a connection that the peer closes during its check is gone at once, and so is the check", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 1)
      yield* network.hangChecks("a", true)
      yield* TestClock.adjust("10 seconds")
      const [connection] = yield* network.connections("a")
      yield* network.closeFromPeer(connection!)
      yield* settle
      assert.include(yield* statsOf(pool), { total: 0, closing: 0 })
      // its slot is free again
      yield* network.hangChecks("a", false)
      yield* network.delayChecks("a", "1 second")
      yield* open(pool, 10)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* network.peakChecks, 10)
    }))

  it.scoped("P3: a silent peer is found out after the interval and the time of a check", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 2)
      const [silent, other] = yield* network.connections("a")
      yield* network.silence(silent!)
      yield* TestClock.adjust("10 seconds")
      // as long as it is being asked, it is not lent
      assert.strictEqual(yield* ask(pool), other!.id)
      const both = yield* borrowers(pool, 2)
      assert.notInclude(
        yield* Effect.forEach(both, (one) => Effect.map(one.lease, (lease) => lease.connection.id)),
        silent!.id
      )
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(silent!.isOpen)
      yield* TestClock.adjust("1 millis")
      assert.isFalse(silent!.isOpen)
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { unhealthy: 1 })
    }))

  it.scoped("P3: checks that die or throw cost the connections concerned, and the next sweep comes", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* open(pool, 2, "dies")
      yield* open(pool, 2, "throws")
      yield* open(pool, 2, "fine")
      yield* network.dieChecks("dies", true)
      yield* network.throwFrom("throws", "check", true)
      yield* TestClock.adjust("10 seconds")
      assert.include(yield* statsOf(pool, "dies"), { total: 0 })
      assert.include(yield* statsOf(pool, "throws"), { total: 0 })
      assert.include(yield* statsOf(pool, "fine"), { idle: 2 })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual((yield* network.connections("fine")).map(({ checks }) => checks), [2, 2])
    }))

  it.scoped("P3: a connection lent before its turn came is proven by its use", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckConcurrency: 1 })
      yield* open(pool, 2)
      yield* network.hangChecks("a", true)
      yield* TestClock.adjust("10 seconds")
      // one is being checked, the other one is asked but waits for its turn: it may be lent
      const id = yield* ask(pool)
      assert.strictEqual(id, 2)
      yield* network.hangChecks("a", false)
      yield* settle
      assert.strictEqual(yield* network.checks, 1)
      yield* TestClock.adjust("5 seconds")
      assert.include(yield* statsOf(pool), { idle: 2, total: 2 })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* network.checks, 3)
    }))

  it.scoped("P3: with an interval of Infinity nothing is ever checked", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ healthCheckInterval: Infinity, idleTimeout: Infinity })
      yield* open(pool, 2)
      yield* TestClock.adjust("8 minutes")
      assert.strictEqual(yield* network.checks, 0)
      assert.include(yield* statsOf(pool), { idle: 2 })
    }))

  it.scoped("P3: whoever waits gets the connection whose check is over", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* open(pool, 1)
      yield* network.delayChecks("a", "2 seconds")
      yield* TestClock.adjust("10 seconds")
      const waiter = yield* borrow(pool)
      assert.isTrue(yield* waiter.waits)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* waiter.lease).connection.id, 1)
      // and a new one, when it fails
      yield* waiter.release
      yield* network.failAllChecks("a", true)
      yield* TestClock.adjust("8 seconds")
      const next = yield* borrow(pool)
      assert.isTrue(yield* next.waits)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* next.lease).connection.id, 2)
    }))
})
