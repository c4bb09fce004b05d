import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { Signal } from "../src/Connector.ts"
import { TestConnector, type TestNetwork } from "../src/testing/index.ts"
import { dial, parked, settle } from "./dialing.ts"

describe("resolving", () => {
  it.effect("answers what it was told at the time of its answer", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make({ addresses: ["x"] })
      assert.deepStrictEqual(yield* network.connector.resolve("a"), { addresses: ["x"], ttl: undefined })
      yield* network.delayResolve("a", "1 second")
      const resolving = yield* Effect.fork(network.connector.resolve("a"))
      yield* network.setAddresses("a", ["y", "z"])
      yield* network.setTtl("a", "5 seconds")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(resolving), { addresses: ["y", "z"], ttl: "5 seconds" })
      assert.deepStrictEqual([yield* network.resolved("a"), yield* network.resolved("b")], [2, 0])
    }))

  it.effect("fails, hangs and dies as told", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.hangResolve("a", true)
      const both = yield* Effect.fork(Effect.all([network.connector.resolve("a"), network.connector.resolve("a")], {
        concurrency: 2
      }))
      yield* TestClock.adjust("1 day")
      assert.isTrue(yield* parked(both))
      yield* network.hangResolve("a", false)
      assert.lengthOf(yield* Fiber.join(both), 2)
      assert.strictEqual(yield* network.peakResolving, 2)

      yield* network.failResolve("a", true)
      const error = yield* Effect.flip(network.connector.resolve("a"))
      assert.include(error, { key: "a", address: undefined, operation: "resolve" })
      assert.strictEqual(error.message, "a: resolve was refused")
      yield* network.dieResolve("a", true)
      assert.isTrue(Cause.isDie(yield* Effect.sandbox(network.connector.resolve("a")).pipe(Effect.flip)))
    }))
})

describe("signals", () => {
  it.effect("a peer that closes says so once, and counts as closed once", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const { close, connected, signals } = yield* dial(network)
      const connection = yield* connected
      yield* network.closeFromPeer(connection)
      yield* network.closeFromPeer(connection)
      assert.deepStrictEqual(signals, [Signal.Closed({ reason: "closed by the peer" })])
      assert.include(connection, { phase: "open", isOpen: false })
      // this side has still to close it
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.closed], [1, 1])
      yield* close
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.closed], [0, 1])
      yield* network.closeFromPeer(connection)
      assert.lengthOf(signals, 1)
    }))

  it.effect("reports whatever it is told", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const { connected, signals } = yield* dial(network)
      const connection = yield* connected
      const said = [
        Signal.Capacity({ leases: 3 }),
        Signal.ExpiresAt({ millis: 9 }),
        Signal.Closed({ reason: "ECONNRESET" })
      ]
      for (const signal of said) yield* network.signal(connection, signal)
      yield* network.setDraining(connection)
      assert.deepStrictEqual(signals, [...said, Signal.Draining()])
      assert.isFalse(connection.isOpen)
    }))

  it.effect("new connections tell their capacity once it was set", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      assert.isFalse(network.connector.multiplexes?.("a"))
      const before = yield* dial(network)
      yield* network.setCapacity("a", 8)
      assert.isTrue(network.connector.multiplexes?.("a"))
      assert.isFalse(network.connector.multiplexes?.("b"))
      const after = yield* dial(network)
      assert.deepStrictEqual([before.signals, after.signals], [[], [Signal.Capacity({ leases: 8 })]])
    }))

  it.effect("an interrupted lease closes unless told otherwise", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const connection = yield* (yield* dial(network)).connected
      assert.strictEqual(network.connector.interrupt?.(connection), "close")
      yield* network.keepOnInterrupt("a", true)
      assert.strictEqual(network.connector.interrupt?.(connection), "keep")
    }))

  it.effect("labels are keys", () =>
    Effect.map(TestConnector.make(), (network) => assert.strictEqual(network.connector.label("a"), "a")))
})

describe("checks", () => {
  const connect = (network: TestNetwork) => Effect.flatMap(dial(network), ({ connected }) => connected)

  it.effect("prove an open connection, and fail on one that is not", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const { close, connected } = yield* dial(network)
      const connection = yield* connected
      yield* network.connector.check(connection)
      yield* network.hangChecks("a", true)
      yield* close
      // without waiting: a closed socket is known to be closed
      assert.include(yield* Effect.flip(network.connector.check(connection)), { operation: "check", key: "a" })
      assert.deepStrictEqual([yield* network.checks, connection.checks], [2, 2])
    }))

  it.effect("fail on one connection, or on all of a host", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const [one, other] = [yield* connect(network), yield* connect(network)]
      yield* network.failChecks(one, true)
      assert.isTrue(Either.isLeft(yield* Effect.either(network.connector.check(one))))
      yield* network.connector.check(other)
      yield* network.failChecks(one, false)
      yield* network.connector.check(one)
      yield* network.failAllChecks("a", true)
      assert.isTrue(Either.isLeft(yield* Effect.either(network.connector.check(other))))
      yield* network.dieChecks("a", true)
      assert.isTrue(Cause.isDie(yield* Effect.flip(Effect.sandbox(network.connector.check(other)))))
    }))

  it.effect("hang and are late as told, and how many there are at once is known", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const [one, other] = [yield* connect(network), yield* connect(network)]
      yield* network.delayChecks("a", "1 second")
      yield* network.hangChecks("a", true)
      const both = yield* Effect.fork(
        Effect.all([network.connector.check(one), network.connector.check(other)], { concurrency: 2 })
      )
      yield* TestClock.adjust("1 day")
      assert.isTrue(yield* parked(both))
      yield* network.hangChecks("a", false)
      yield* Fiber.join(both)
      yield* Effect.fork(network.connector.check(one))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* network.peakChecks, 2)
    }))

  it.effect("hang when the peer fell silent, until it is back", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const { connected, signals } = yield* dial(network)
      const connection = yield* connected
      yield* network.silence(connection)
      const check = yield* Effect.fork(network.connector.check(connection))
      yield* TestClock.adjust("1 day")
      assert.isTrue(yield* parked(check))
      assert.isTrue(connection.isOpen)
      assert.deepStrictEqual(signals, [])
      yield* network.revive(connection)
      yield* Fiber.join(check)
      yield* network.silence(connection, "fail")
      assert.isTrue(Either.isLeft(yield* Effect.either(network.connector.check(connection))))
    }))

  it.effect("can be interrupted, which counts them out", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const connection = yield* connect(network)
      yield* network.hangChecks("a", true)
      for (let i = 0; i < 3; i++) {
        const check = yield* Effect.fork(network.connector.check(connection))
        yield* settle
        yield* Fiber.interrupt(check)
      }
      assert.strictEqual(yield* network.peakChecks, 1)
    }))

  it.effect("of a connection from elsewhere are a mistake of the test's", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const copy = { ...(yield* connect(network)) }
      assert.throws(() => network.connector.check(copy as TestConnector.TestConnection), /none of a TestConnector's/)
    }))
})
