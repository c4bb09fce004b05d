import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { TestConnector } from "../src/testing/index.ts"
import { dial, parked, settle } from "./dialing.ts"

const ignore = () => {}

describe("dialing", () => {
  it.effect("opens at once by default, and closes with its scope", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      assert.deepStrictEqual((yield* network.connector.resolve("a")).addresses, ["10.0.0.1"])
      const { close, connected, signals } = yield* dial(network)
      const connection = yield* connected
      assert.include(connection, { id: 1, key: "a", address: "10.0.0.1", phase: "open", isOpen: true, checks: 0 })
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.opened, yield* network.closed], [1, 1, 0])
      yield* close
      assert.include(connection, { phase: "closed", isOpen: false })
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.opened, yield* network.closed], [0, 1, 1])
      assert.deepStrictEqual(signals, [])
    }))

  it.effect("takes as long as it is told, and is a socket all the while", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.delayOpen("a", "1 second")
      yield* network.delayOpenAt("a", "slow", "1 second")
      const one = yield* dial(network)
      const other = yield* dial(network, "a", "slow")
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.opening("a"), yield* network.opened], [
        2,
        2,
        0
      ])
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* one.connected).isOpen)
      assert.isTrue(yield* parked(other.fiber))
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* other.connected).isOpen)
      assert.deepStrictEqual([yield* network.opening("a"), yield* network.peakOpening("a")], [0, 2])
    }))

  it.effect("keeps the delay of its beginning", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make({ delayOpen: "1 second" })
      const { connected } = yield* dial(network)
      yield* network.delayOpen("a", "1 hour")
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* connected).isOpen)
    }))

  it.effect("hangs until that is lifted", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.hangOpen("a", true)
      const hanging = yield* dial(network)
      const elsewhere = yield* dial(network, "b")
      yield* TestClock.adjust("1 day")
      assert.isTrue(yield* parked(hanging.fiber))
      assert.isTrue((yield* elsewhere.connected).isOpen)
      yield* network.hangOpen("a", false)
      assert.isTrue((yield* hanging.connected).isOpen)
      assert.isTrue((yield* (yield* dial(network)).connected).isOpen)
    }))

  it.effect("can hang, fail and be late at one address alone", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.hangOpenAt("a", "hanging", true)
      yield* network.failOpenAt("a", "failing", true)
      const hanging = yield* dial(network, "a", "hanging")
      const failing = yield* dial(network, "a", "failing")
      assert.isTrue((yield* (yield* dial(network)).connected).isOpen)
      assert.isTrue(yield* parked(hanging.fiber))
      assert.strictEqual((yield* Effect.flip(failing.connected)).address, "failing")
      yield* network.hangOpenAt("a", "hanging", false)
      assert.isTrue((yield* hanging.connected).isOpen)
    }))

  it.effect("fails with a Refused, and the socket is there until its scope is closed", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.failOpen("a", true)
      const { close, connected } = yield* dial(network)
      const error = yield* Effect.flip(connected)
      assert.instanceOf(error, TestConnector.Refused)
      assert.include(error, { _tag: "Refused", key: "a", address: "10.0.0.1", operation: "open", fault: "peer" })
      assert.strictEqual(error.message, "a at 10.0.0.1: open was refused")
      assert.strictEqual(yield* network.openNow("a"), 1)
      yield* close
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.opened, yield* network.closed], [0, 0, 0])
      yield* network.failOpen("a", false)
      assert.isTrue((yield* (yield* dial(network)).connected).isOpen)
      assert.strictEqual(yield* network.dialed, 2)
    }))

  it.effect("looks at its outcome when it stops hanging", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.hangOpen("a", true)
      const { connected } = yield* dial(network)
      yield* network.failOpen("a", true)
      yield* network.hangOpen("a", false)
      assert.strictEqual((yield* Effect.flip(connected)).operation, "open")
    }))

  it.effect("can be interrupted, which leaves the socket to its scope", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.hangOpen("a", true)
      const { close, fiber } = yield* dial(network)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.opening("a")], [1, 0])
      yield* close
      assert.strictEqual(yield* network.openNow("a"), 0)
    }))

  it.effect("can be told not to be", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.uninterruptibleOpen("a", true)
      yield* network.hangOpen("a", true)
      const { fiber } = yield* dial(network)
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* settle
      assert.isTrue(yield* parked(interrupting))
      yield* network.hangOpen("a", false)
      yield* Fiber.join(interrupting)
      assert.strictEqual(yield* network.opened, 1)
    }))

  it.effect("can end in a defect, or throw before there is an effect", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.dieOpen("a", true)
      const { fiber } = yield* dial(network)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      yield* network.throwFrom("a", "open", true)
      assert.throws(() => network.connector.open("a", "10.0.0.1", ignore), /open throws/)
      yield* network.throwFrom("a", "open", false)
      assert.doesNotThrow(() => network.connector.open("a", "10.0.0.1", ignore))
    }))

  it.effect("fails when the peer closes under it", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.delayOpen("a", "1 second")
      const { connected, signals } = yield* dial(network)
      for (const socket of yield* network.sockets("a")) yield* network.closeFromPeer(socket)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(connected)).operation, "open")
      assert.lengthOf(signals, 1)
      assert.deepStrictEqual([yield* network.opened, yield* network.closed], [0, 0])
    }))

  it.effect("in a scope that is closed already closes at once, and fails", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const result = yield* network.connector.open("a", "x", ignore).pipe(Scope.extend(scope), Effect.either)
      assert.isTrue(Either.isLeft(result))
      assert.strictEqual(yield* network.openNow(), 0)
    }))

  it.effect("says whose fault it was", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      yield* network.failOpen("a", true)
      const peers = yield* Effect.flip((yield* dial(network)).connected)
      yield* network.localFault("a", true)
      const ours = yield* Effect.flip((yield* dial(network)).connected)
      assert.deepStrictEqual([peers, ours].map((error) => network.connector.fault?.(error)), ["peer", "local"])
    }))
})

it.effect("every delay is the clock's, whatever the kind of duration", () =>
  Effect.gen(function*() {
    const network = yield* TestConnector.make()
    const delays: ReadonlyArray<Duration.DurationInput> = [2000, "2 seconds", [2, 0], 2_000_000_000n]
    for (const delay of delays) {
      yield* network.delayOpen("a", delay)
      const { connected, fiber } = yield* dial(network)
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(yield* parked(fiber))
      yield* TestClock.adjust("1 millis")
      yield* connected
    }
  }))

describe("counting", () => {
  it.effect("keeps the peaks of each host and of all", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const one = yield* dial(network, "a")
      yield* dial(network, "a")
      yield* one.close
      yield* dial(network, "b")
      yield* dial(network, "b")
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.peakOpen("a")], [1, 2])
      assert.deepStrictEqual([yield* network.openNow("b"), yield* network.peakOpen("b")], [2, 2])
      assert.deepStrictEqual([yield* network.openNow(), yield* network.peakOpen()], [3, 3])
      assert.deepStrictEqual([yield* network.openNow("nobody"), yield* network.peakOpen("nobody")], [0, 0])
    }))

  it.effect("counts a socket until its close is done, however long that takes", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const { close, connected } = yield* dial(network)
      const connection = yield* connected
      yield* network.delayClose("a", "1 second")
      yield* network.hangClose("a", true)
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust("1 minute")
      assert.include(connection, { phase: "closing", isOpen: false })
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.closed], [1, 0])
      assert.deepStrictEqual(yield* network.connections("a"), [])
      assert.deepStrictEqual(yield* network.sockets("a"), [connection])
      // a close that hangs cannot be interrupted either
      const interrupting = yield* Effect.fork(Fiber.interrupt(closing))
      yield* settle
      assert.isTrue(yield* parked(interrupting))
      yield* network.hangClose("a", false)
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.closed], [0, 1])
    }))

  it.effect("a close that ends in a defect has closed the socket", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const { close, connected } = yield* dial(network)
      yield* connected
      yield* network.dieClose("a", true)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(close)))
      assert.deepStrictEqual([yield* network.openNow("a"), yield* network.closed], [0, 1])
    }))

  it.effect("lists the connections that are open on both sides, in the order of dialing", () =>
    Effect.gen(function*() {
      const network = yield* TestConnector.make()
      const [one, two, three] = yield* Effect.all([dial(network), dial(network), dial(network)])
      yield* two.close
      yield* network.closeFromPeer(yield* three.connected)
      yield* network.hangOpen("a", true)
      yield* dial(network)
      assert.deepStrictEqual(yield* network.connections("a"), [yield* one.connected])
      assert.deepStrictEqual((yield* network.sockets("a")).map((socket) => socket.id), [1, 3, 4])
    }))
})
