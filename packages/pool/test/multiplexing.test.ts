import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Signal } from "../src/Connector.ts"
import { ask, borrow, type Borrower, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

const ids = (all: ReadonlyArray<Borrower>) =>
  Effect.all(all.map((one) => Effect.map(one.lease, (lease) => lease.connection.id)))

describe("a connection that carries several leases", () => {
  it.scoped("D1 P1: it is lent again before another one is dialed", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 3 })
      const all = yield* borrowers(pool, 7)
      assert.deepStrictEqual(yield* ids(all), [1, 1, 1, 2, 2, 2, 3])
      assert.strictEqual(yield* network.dialed, 3)
      // active is a connection with at least one lease
      assert.include(yield* statsOf(pool), { active: 3, idle: 0, total: 3, acquired: 7, reused: 4 })
      assert.deepStrictEqual((yield* statsOf(pool)).addresses.map(({ leases }) => leases), [7])
      yield* all[0]!.release
      assert.include(yield* statsOf(pool), { active: 3, idle: 0 })
      yield* all[6]!.release
      assert.include(yield* statsOf(pool), { active: 2, idle: 1 })
    }))

  it.scoped("D1 P1: while the capacity is unknown there is one dial, whoever waits", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 10, delayOpen: "1 second" })
      const all = yield* borrowers(pool, 8)
      assert.include(yield* statsOf(pool), { connecting: 1, waiting: 7 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3, 4, 5, 6, 7])
      assert.strictEqual(yield* network.dialed, 1)
    }))

  it.scoped("P1: that one dial tries another address all the same when the first one is silent", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 10, addresses: ["one", "two"] })
      yield* network.hangOpenAt("a", "one", true)
      const all = yield* borrowers(pool, 8)
      yield* TestClock.adjust("249 millis")
      assert.strictEqual(yield* network.openNow("a"), 1)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3, 4, 5, 6, 7])
      assert.include(yield* statsOf(pool), { active: 1, connecting: 0, failed: 0 })
    }))

  it.scoped("P1: a host that turns out to carry one lease a connection gets as many dials as there are waiters", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 10, delayOpen: "1 second" })
      const all = yield* borrowers(pool, 4)
      yield* network.setCapacity("a", 1)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), [0])
      assert.include(yield* statsOf(pool), { connecting: 3, active: 1 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3])
      assert.strictEqual(yield* network.peakOpening("a"), 3)
    }))

  it.scoped("P1: dials are as many as the waiters need, not one each", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 4 })
      const first = yield* borrowers(pool, 4)
      yield* network.delayOpen("a", "1 second")
      const all = yield* borrowers(pool, 9)
      assert.include(yield* statsOf(pool), { connecting: 3 })
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* holders(all), 9)
      assert.strictEqual(yield* network.dialed, 4)
      yield* first[0]!.release
    }))

  it.scoped("P1: the queue and its limit count what the connections can carry", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2, maxWaitersPerHost: 1 }, { capacity: 3 })
      const all = yield* borrowers(pool, 8)
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3, 4, 5])
      assert.isTrue(yield* all[6]!.waits)
      assert.strictEqual((yield* all[7]!.error)._tag, "QueueFull")
      yield* all[4]!.release
      assert.isTrue(yield* all[6]!.has)
      assert.strictEqual(yield* network.peakOpen("a"), 2)
    }))

  it.scoped("P1: a capacity that grows serves those who wait", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 }, { capacity: 2 })
      const all = yield* borrowers(pool, 5)
      assert.deepStrictEqual(yield* holders(all), [0, 1])
      const { connection } = yield* all[0]!.lease
      yield* network.signal(connection, Signal.Capacity({ leases: 4 }))
      yield* settle
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2, 3])
    }))

  it.scoped("P1: a capacity that shrinks takes no lease away, and is kept from then on", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 }, { capacity: 3 })
      const all = yield* borrowers(pool, 4)
      const { connection } = yield* all[0]!.lease
      yield* network.signal(connection, Signal.Capacity({ leases: 1 }))
      yield* all[0]!.release
      yield* all[1]!.release
      assert.deepStrictEqual(yield* holders(all), [0, 1, 2])
      assert.isTrue(yield* all[3]!.waits)
      assert.isTrue(connection.isOpen)
      yield* all[2]!.release
      assert.strictEqual((yield* all[3]!.lease).connection, connection)
    }))

  it.scoped("P1: a capacity of zero ends it with its last lease", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 3 })
      const [one, other] = yield* borrowers(pool, 2)
      const { connection } = yield* one!.lease
      yield* network.signal(connection, Signal.Capacity({ leases: 0 }))
      assert.strictEqual(yield* ask(pool), 2)
      yield* one!.release
      assert.isTrue(connection.isOpen)
      yield* other!.release
      assert.isFalse(connection.isOpen)
      assert.deepInclude(yield* statsOf(pool), { idle: 1, closedBy: { retired: 1 } })
    }))

  it.scoped("P3: one that is draining finishes its leases and starts none", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 3 })
      const [one, other] = yield* borrowers(pool, 2)
      const { connection } = yield* one!.lease
      yield* network.setDraining(connection)
      const next = yield* borrow(pool)
      assert.notStrictEqual((yield* next.lease).connection, connection)
      yield* one!.release
      assert.isTrue(connection.isOpen)
      yield* other!.release
      assert.isFalse(connection.isOpen)
      assert.deepInclude(yield* statsOf(pool), { active: 1, idle: 0, closedBy: { retired: 1 } })
    }))

  it.scoped("P3: one that is retired by its connector finishes its leases, starts none, and says why", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 3 })
      const closed = yield* Effect.fork(Stream.runHead(Stream.filter(pool.events, ({ _tag }) => _tag === "Closed")))
      const [one] = yield* borrowers(pool, 1)
      const { connection } = yield* one!.lease
      yield* network.signal(connection, Signal.Retire({ reason: "other keys" }))
      const next = yield* borrow(pool)
      assert.notStrictEqual((yield* next.lease).connection, connection)
      assert.isTrue(connection.isOpen)
      yield* one!.release
      assert.isFalse(connection.isOpen)
      const event = Option.getOrThrow(yield* Fiber.join(closed))
      assert.deepInclude(event, { reason: "retired", detail: "other keys" })
    }))

  it.scoped("P3: one that is draining while idle is closed at once", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* ask(pool)
      const [connection] = yield* network.connections("a")
      yield* network.setDraining(connection!)
      yield* settle
      assert.include(yield* statsOf(pool), { total: 0, closed: 1 })
    }))

  it.scoped("P3: the peer closes it: every lease is over, and their ends harm nobody", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 }, { capacity: 3 })
      const all = yield* borrowers(pool, 4)
      yield* network.closeFromPeer((yield* all[0]!.lease).connection)
      yield* settle
      const next = yield* all[3]!.lease
      assert.strictEqual(next.connection.id, 2)
      for (const one of all.slice(0, 3)) yield* one.release
      assert.deepInclude(yield* statsOf(pool), { active: 1, closedBy: { peer: 1 } })
      assert.deepStrictEqual((yield* statsOf(pool)).addresses.map(({ leases }) => leases), [1])
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("P3: a time announced by the peer is kept: nothing is lent after it", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* ask(pool)
      const [connection] = yield* network.connections("a")
      yield* network.signal(connection!, Signal.ExpiresAt({ millis: 3000 }))
      // the last word counts, as when a server repeats with every answer how long it keeps idle connections
      yield* network.signal(connection!, Signal.ExpiresAt({ millis: 5000 }))
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(yield* ask(pool), 1)
      const busy = yield* borrow(pool)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* ask(pool), 2)
      yield* busy.release
      assert.deepInclude(yield* statsOf(pool), { idle: 1, closedBy: { aged: 1 } })
    }))

  it.scoped("P3: it is kept as well when a connection goes from one lease straight to a waiter", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, maxUses: 2 })
      const [first, second, third] = yield* borrowers(pool, 3)
      yield* network.signal((yield* first!.lease).connection, Signal.ExpiresAt({ millis: 1000 }))
      yield* TestClock.adjust("1 second")
      yield* first!.release
      assert.strictEqual((yield* second!.lease).connection.id, 2)
      yield* second!.release
      assert.strictEqual((yield* third!.lease).connection.id, 2)
      yield* third!.release
      assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { aged: 1, used: 1 } })
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("P6: an interrupted lease closes it under its siblings, unless the connector keeps it", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({}, { capacity: 3 })
      const [one, sibling] = yield* borrowers(pool, 2)
      const { connection } = yield* sibling!.lease
      yield* network.keepOnInterrupt("a", true)
      yield* one!.interrupt
      assert.isTrue(connection.isOpen)
      assert.include(yield* statsOf(pool), { active: 1 })
      const next = yield* borrow(pool)
      assert.strictEqual((yield* next.lease).connection, connection)
      yield* next.die
      assert.isTrue(connection.isOpen)
      yield* network.keepOnInterrupt("a", false)
      const last = yield* borrow(pool)
      yield* last.interrupt
      assert.isFalse(connection.isOpen)
      yield* sibling!.release
      assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { interrupted: 1 } })
    }))
})
