import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { PoolEvent } from "../src/PoolEvent.ts"
import { ask, borrow, rig, settle, type TestPool } from "./rig.ts"

/** Listens from now on; gives what came since the last time. */
const listen = (pool: TestPool) =>
  Effect.gen(function*() {
    const heard: Array<PoolEvent> = []
    const fiber = yield* Effect.fork(Stream.runForEach(pool.events, (event) => Effect.sync(() => heard.push(event))))
    yield* settle
    const since = Effect.zipRight(settle, Effect.sync(() => heard.splice(0)))
    return { fiber, since, tags: Effect.map(since, (events) => events.map(({ _tag }) => _tag)) }
  })

describe("events", () => {
  it.scoped("P7: the life of one connection, in order", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const { since } = yield* listen(pool)
      yield* network.delayOpen("a", "30 millis")
      const first = yield* borrow(pool)
      yield* TestClock.adjust("30 millis")
      const second = yield* borrow(pool)
      yield* TestClock.adjust("20 millis")
      yield* first.release
      yield* TestClock.adjust("10 millis")
      yield* second.interrupt
      const of = { host: "a", connection: 1, address: "10.0.0.1" }
      assert.deepStrictEqual(yield* since, [
        { _tag: "Waiting", at: 0, host: "a", position: 1 },
        { _tag: "AddressesChanged", at: 0, host: "a", added: ["10.0.0.1"], removed: [] },
        { _tag: "Opened", at: 30, ...of, elapsed: 30 },
        { _tag: "Acquired", at: 30, ...of, reused: false, waited: 30 },
        { _tag: "Waiting", at: 30, host: "a", position: 1 },
        { _tag: "Released", at: 50, ...of, held: 20 },
        { _tag: "Acquired", at: 50, ...of, reused: true, waited: 20 },
        { _tag: "Released", at: 60, ...of, held: 10 },
        { _tag: "Closed", at: 60, ...of, reason: "interrupted", detail: undefined, age: 30 }
      ])
    }))

  it.scoped("P7: failures and refusals", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "1 second" } })
      const { since, tags } = yield* listen(pool)
      yield* network.failResolve("a", true)
      yield* Effect.flip(ask(pool))
      assert.deepStrictEqual(yield* tags, ["Waiting", "ResolveFailed", "Refused"])
      yield* network.failResolve("a", false)
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      const [, , failed, changed, refused] = yield* since
      assert.deepInclude(failed, { _tag: "OpenFailed", host: "a", connection: 1, elapsed: 0 })
      assert.deepInclude(changed, { _tag: "BreakerChanged", address: "10.0.0.1", from: "closed", to: "open" })
      assert.deepInclude(refused, { _tag: "Refused", error: "Refused", waited: 0 })
      yield* Effect.flip(ask(pool))
      assert.deepInclude((yield* since).at(-1), { _tag: "Refused", error: "HostUnavailable" })
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("1 second")
      yield* ask(pool)
      const changes = (yield* since).flatMap((event) => event._tag === "BreakerChanged" ? [event.to] : [])
      assert.deepStrictEqual(changes, ["halfOpen", "closed"])
    }))

  it.scoped("P7: they are plain data", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const { since } = yield* listen(pool)
      yield* ask(pool)
      yield* network.closeFromPeer((yield* network.connections("a"))[0]!)
      const events = yield* since
      assert.deepInclude(events.at(-1), { _tag: "Closed", reason: "peer", detail: "closed by the peer" })
      for (const event of events) {
        // what is undefined is left out
        assert.deepEqual(JSON.parse(JSON.stringify(event)), JSON.parse(JSON.stringify({ ...event })))
        assert.isString(event._tag)
        assert.isNumber(event.at)
      }
    }))

  it.scoped("P7: a listener that is too slow loses events, is told how many, and slows nobody down", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ eventBuffer: 4 })
      const handed = yield* Queue.unbounded<PoolEvent>()
      const gate = yield* Queue.unbounded<void>()
      const slow = yield* Effect.fork(
        Stream.runForEach(pool.events, (event) => Effect.zipRight(Queue.offer(handed, event), Queue.take(gate)))
      )
      const quick = yield* listen(pool)
      yield* settle
      for (let n = 0; n < 20; n++) {
        yield* ask(pool)
        // the quick one keeps up
        yield* settle
      }
      const all = yield* quick.since
      assert.lengthOf(all.filter(({ _tag }) => _tag === "Acquired"), 20)
      assert.lengthOf(all.filter(({ _tag }) => _tag === "Dropped"), 0)
      yield* Queue.offerAll(gate, Array.from({ length: 100 }, () => undefined))
      yield* settle
      yield* ask(pool)
      yield* settle
      const got = Array.from(yield* Queue.takeAll(handed))
      let accounted = 0
      for (const event of got) accounted += event._tag === "Dropped" ? event.count : 1
      assert.strictEqual(accounted, all.length + 2)
      assert.lengthOf(got.filter(({ _tag }) => _tag === "Dropped"), 1)
      assert.deepStrictEqual(got.slice(0, 3), all.slice(0, 3))
      yield* Fiber.interrupt(slow)
    }))

  it.scoped("P7: every listener hears them from when it began, until the pool has closed", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      const first = yield* listen(pool)
      yield* ask(pool)
      const second = yield* listen(pool)
      yield* ask(pool)
      assert.deepStrictEqual(yield* second.tags, ["Acquired", "Released"])
      assert.lengthOf(yield* first.since, 7)
      yield* Fiber.interrupt(second.fiber)
      yield* pool.shutdown
      assert.deepStrictEqual(yield* first.tags, ["ShutdownStarted", "Closed"])
      yield* Fiber.join(first.fiber)
      // after the end the stream is empty
      assert.lengthOf(Array.from(yield* Stream.runCollect(pool.events)), 0)
    }))
})
