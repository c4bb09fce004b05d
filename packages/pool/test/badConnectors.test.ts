import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { type Connector, Signal } from "../src/Connector.ts"
import { TestConnector } from "../src/testing/index.ts"
import { ask, borrow, poolOf, rig, settle, statsOf } from "./rig.ts"

type Scripted = Connector<string, TestConnector.TestConnection, TestConnector.Refused>

/** A pool whose connector does something else than that of the network. */
const wrong = (change: (connector: Scripted) => Partial<Scripted>, options?: TestConnector.Options) =>
  Effect.gen(function*() {
    const network = yield* TestConnector.make(options)
    const connector = { ...network.connector, ...change(network.connector) }
    return { network, pool: yield* poolOf(connector, { maxConnectionsPerHost: 2 }) }
  })

const boom = (): never => {
  throw new Error("boom")
}

const defect = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(
    Effect.exit(effect),
    (exit) => Exit.isFailure(exit) ? String(Option.getOrUndefined(Cause.dieOption(exit.cause))) : "no defect"
  )

describe("a connector that does wrong costs only the connection concerned", () => {
  it.scoped("P1: opening ends in a defect", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, breaker: { failures: 1 } })
      yield* network.dieOpen("a", true)
      assert.include(yield* defect(ask(pool)), "a defect, as scripted")
      assert.include(yield* statsOf(pool), { connecting: 0, failed: 1 })
      yield* network.dieOpen("a", false)
      assert.isNumber(yield* ask(pool))
    }))

  it.scoped("P1: resolving, opening or checking throws instead of giving an effect", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, healthCheckInterval: "1 second" })
      for (const operation of ["resolve", "open"] as const) {
        yield* network.throwFrom("a", operation, true)
        assert.include(yield* defect(ask(pool)), `${operation} throws`)
        yield* network.throwFrom("a", operation, false)
      }
      yield* network.throwFrom("a", "check", true)
      const first = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* statsOf(pool)).closedBy, { unhealthy: 1 })
      yield* network.throwFrom("a", "check", false)
      assert.isAbove(yield* ask(pool), first)
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("P1: resolving ends in a defect", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.dieResolve("a", true)
      assert.include(yield* defect(ask(pool)), "a defect, as scripted")
      yield* network.dieResolve("a", false)
      assert.strictEqual(yield* ask(pool), 1)
    }))

  it.scoped("P1: opening interrupts itself: the caller does not look interrupted", () =>
    Effect.gen(function*() {
      let interrupting = true
      const { pool } = yield* wrong(({ open }) => ({
        open: (key, address, report) => interrupting ? Effect.interrupt : open(key, address, report)
      }))
      assert.include(yield* defect(ask(pool)), "the connector interrupted itself")
      interrupting = false
      assert.strictEqual(yield* ask(pool), 1)
    }))

  it.scoped("P1: it never answers, and cannot be interrupted", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1, closeTimeout: "1 second" })
      yield* network.uninterruptibleOpen("a", true)
      yield* network.hangOpen("a", true)
      const caller = yield* borrow(pool)
      const other = yield* borrow(pool, "b")
      assert.isTrue(yield* other.has)
      yield* TestClock.adjust("11 seconds")
      assert.strictEqual((yield* caller.error)._tag, "ConnectTimeout")
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isNumber(yield* ask(pool))
      assert.strictEqual(yield* network.openNow("a"), 1)
    }))

  it.scoped("P1: a connection reports its end twice", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* wrong(({ open }) => ({
        open: (key, address, report) =>
          open(key, address, (signal) => {
            report(signal)
            report(signal)
          })
      }))
      const { connection } = yield* (yield* borrow(pool)).lease
      yield* network.closeFromPeer(connection)
      yield* settle
      assert.deepInclude(yield* statsOf(pool), { total: 0, closing: 0, closed: 1, closedBy: { peer: 1 } })
    }))

  it.scoped("P1: a connection reports after its end", () =>
    Effect.gen(function*() {
      const reports: Array<(signal: Signal) => void> = []
      const { network, pool } = yield* wrong(({ open }) => ({
        open: (key, address, report) => {
          reports.push(report)
          return open(key, address, report)
        }
      }))
      const caller = yield* borrow(pool)
      yield* caller.interrupt
      const before = yield* statsOf(pool)
      for (const report of reports) {
        report(Signal.Closed({ reason: "again" }))
        report(Signal.Draining())
        report(Signal.Capacity({ leases: 7 }))
        report(Signal.ExpiresAt({ millis: 0 }))
      }
      yield* settle
      assert.deepStrictEqual(yield* statsOf(pool), before)
      assert.strictEqual(yield* ask(pool), 2)
      assert.strictEqual(yield* network.openNow(), 1)
    }))

  it.scoped("P1: a connection reports its end before it is open: it is not lent", () =>
    Effect.gen(function*() {
      let early = true
      const { network, pool } = yield* wrong(({ open }) => ({
        open: (key, address, report) => {
          if (early) report(Signal.Closed({ reason: "too early" }))
          early = false
          return open(key, address, report)
        }
      }))
      const caller = yield* borrow(pool)
      assert.strictEqual((yield* caller.lease).connection.id, 2)
      assert.deepInclude(yield* statsOf(pool), { active: 1, opened: 2, closed: 1, closedBy: { peer: 1 } })
      assert.strictEqual(yield* network.openNow(), 1)
    }))

  it.scoped("P1: a connection reports nonsense", () =>
    Effect.gen(function*() {
      const reports: Array<(signal: Signal) => void> = []
      const { pool } = yield* wrong(({ open }) => ({
        open: (key, address, report) => {
          reports.push(report)
          return open(key, address, report)
        }
      }))
      yield* ask(pool)
      const report = reports[0]!
      report(Signal.Capacity({ leases: NaN }))
      report(Signal.ExpiresAt({ millis: NaN }))
      report(Signal.ExpiresAt({ millis: Infinity }))
      assert.strictEqual(yield* ask(pool), 1)
      report(Signal.Capacity({ leases: 1.9 }))
      const held = yield* borrow(pool)
      assert.strictEqual((yield* (yield* borrow(pool)).lease).connection.id, 2)
      yield* held.release
      report(Signal.Capacity({ leases: -3 }))
      yield* settle
      assert.deepInclude(yield* statsOf(pool), { closedBy: { retired: 1 } })
    }))

  it.scoped("P1: `label` throws", () =>
    Effect.gen(function*() {
      const { pool } = yield* wrong(() => ({ label: boom }))
      assert.strictEqual(yield* ask(pool), 1)
      assert.strictEqual((yield* statsOf(pool)).host, "(no label)")
      yield* pool.shutdown
      assert.include(yield* Effect.flip(ask(pool, "b")), { _tag: "PoolClosed", host: "(no label)" })
      assert.include(yield* Effect.flip(pool.warm("b", 1)), { _tag: "PoolClosed", host: "(no label)" })
    }))

  it.scoped("P1: `multiplexes` throws: it does not", () =>
    Effect.gen(function*() {
      const { pool } = yield* wrong(() => ({ multiplexes: boom }))
      yield* borrow(pool)
      assert.strictEqual((yield* (yield* borrow(pool)).lease).connection.id, 2)
    }))

  it.scoped("P6: `interrupt` throws: the connection is closed", () =>
    Effect.gen(function*() {
      const { pool } = yield* wrong(() => ({ interrupt: boom }))
      const caller = yield* borrow(pool)
      yield* caller.interrupt
      assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { interrupted: 1 } })
    }))

  it.scoped("P1: `fault` throws: the failure is no fault of the peer's", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* wrong(() => ({ fault: boom }))
      yield* network.failOpen("a", true)
      for (let n = 0; n < 10; n++) assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "Refused")
      assert.strictEqual((yield* statsOf(pool)).addresses[0]!.breaker, "closed")
    }))

  it.scoped("S1: closing ends in a defect: the permit is back", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* network.dieClose("a", true)
      for (let n = 0; n < 3; n++) {
        const caller = yield* borrow(pool)
        yield* caller.interrupt
      }
      assert.deepInclude(yield* statsOf(pool), { closing: 0, closed: 3, closedBy: { interrupted: 3 } })
      assert.strictEqual(yield* ask(pool), 4)
    }))
})
