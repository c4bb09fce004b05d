import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Alarm } from "../src/internal/alarm.ts"
import { loop } from "../src/internal/loops/loop.ts"
import type { Options } from "../src/PoolConfig.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import { ask, borrow, settle } from "./rig.ts"
import { coreOf, watched } from "./watched.ts"

/** A pool of which the leaks and the log are kept. */
const listening = (config: Partial<Options<string>> = {}) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      log.push([logLevel.label, ...Arr.ensure(message)].map(String).join(" "))
    })
    const rig = yield* watched({ shutdownGrace: 0, ...config }).pipe(
      Effect.locally(FiberRef.currentLoggers, HashSet.make(logger))
    )
    const leaks: Array<Extract<PoolEvent, { _tag: "LeakSuspected" }>> = []
    yield* Effect.forkScoped(
      Stream.runForEach(rig.pool.events, (event) =>
        Effect.sync(() => {
          if (event._tag === "LeakSuspected") leaks.push(event)
        }))
    )
    yield* settle
    return { ...rig, leaks, log }
  })

describe("the leak detector", () => {
  it.scoped("P2: a lease held for 60 seconds is reported, once, and one held for 59 is not", () =>
    Effect.gen(function*() {
      const { leaks, log, pool } = yield* listening()
      const short = yield* borrow(pool)
      yield* TestClock.adjust("59 seconds")
      yield* short.release
      const long = yield* borrow(pool)
      yield* TestClock.adjust("59999 millis")
      assert.deepStrictEqual(leaks, [])
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(leaks, 1)
      assert.include(leaks[0], { host: "a", connection: 1, address: "10.0.0.1", held: 60_000, at: 119_000 })
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf(leaks, 1)
      assert.match(log[0] ?? "", /^WARN pool: a lease of a has been held for 60000 ms$/)
      assert.lengthOf(log, 1)
      yield* long.release
    }))

  it.scoped("P2: it names the span that acquired it, in the event and in the log", () =>
    Effect.gen(function*() {
      const { leaks, log, pool } = yield* listening({ name: "billing" })
      yield* Effect.fork(pool.use("a", () => Effect.never).pipe(Effect.withSpan("GET /invoices")))
      yield* Effect.fork(Effect.scoped(Effect.zipRight(pool.acquire("b"), Effect.never)))
      yield* settle
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(leaks.map(({ host, span }) => [host, span]), [["a", "GET /invoices"], ["b", undefined]])
      assert.match(leaks[0]!.traceId ?? "", /^[0-9a-f]{32}$/)
      assert.isTrue(log.some((line) => line.includes("billing: a lease of a") && line.includes("span GET /invoices")))
    }))

  it.scoped("P2: it shows the stack only if that was asked for", () =>
    Effect.gen(function*() {
      const plain = yield* listening()
      const stacks = yield* listening({ leakStacks: true })
      yield* borrow(plain.pool)
      yield* borrow(stacks.pool)
      // and for one that is served at once, without waiting
      yield* ask(stacks.pool, "b")
      yield* borrow(stacks.pool, "b")
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(plain.leaks[0]!.stack)
      assert.lengthOf(stacks.leaks, 2)
      for (const { stack } of stacks.leaks) assert.include(stack, "acquired here")
      assert.isTrue(stacks.log.every((line) => line.includes("acquired here")))
    }))

  it.scoped("P2: each lease of a host is reported when its own time has come, and each host by its own threshold", () =>
    Effect.gen(function*() {
      const { leaks, pool } = yield* listening({
        overrides: (key) => key === "b" ? { leakThreshold: "5 seconds" } : { leakThreshold: "20 seconds" }
      })
      yield* borrow(pool, "a")
      yield* TestClock.adjust("3 seconds")
      yield* borrow(pool, "a")
      yield* borrow(pool, "b")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(leaks.map(({ at, host }) => [host, at]), [["b", 8_000], ["a", 20_000], ["a", 23_000]])
    }))

  it.scoped("P2: a lease whose connection is gone is still one, and Infinity turns the detector off", () =>
    Effect.gen(function*() {
      const { leaks, network, pool } = yield* listening()
      const holder = yield* borrow(pool)
      const { connection } = yield* holder.lease
      yield* network.closeFromPeer(connection)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(leaks, 1)
      const off = yield* listening({ leakThreshold: Infinity })
      yield* borrow(off.pool)
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf(off.leaks, 0)
    }))
})

describe("a loop whose round fails", () => {
  it.scoped("P2: it is logged and counted, and the loop goes on", () =>
    Effect.gen(function*() {
      const { leaks, log, pool } = yield* listening({ leakThreshold: "10 seconds" })
      const { events } = coreOf(pool)
      const emit = events.emit.bind(events)
      events.emit = (event) => {
        if (event._tag === "LeakSuspected") throw new Error("a defect in a round")
        emit(event)
      }
      yield* borrow(pool, "b")
      yield* TestClock.adjust("10 seconds")
      events.emit = emit
      assert.strictEqual(coreOf(pool).failedRounds, 1)
      assert.isTrue(
        log.some((line) => line.includes("a round of the leak detector failed") && line.includes("a defect"))
      )
      yield* borrow(pool, "a")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(leaks.map(({ host }) => host), ["a"])
      assert.strictEqual(coreOf(pool).failedRounds, 1)
    }))

  it.scoped("P2: it is tried again after a pause, not at once without end", () =>
    Effect.gen(function*() {
      const { pool } = yield* listening()
      const core = coreOf(pool)
      const alarm = new Alarm(core.clock, core.fibers)
      const rounds: Array<number> = []
      yield* Effect.forkScoped(
        loop(core, "test", alarm, (at) => {
          rounds.push(at)
          if (rounds.length < 4) throw new Error("a defect in the first rounds")
          return at + 300
        })
      )
      yield* TestClock.adjust("3500 millis")
      assert.deepStrictEqual(rounds, [0, 1000, 2000, 3000, 3300])
      assert.strictEqual(core.failedRounds, 3)
    }))
})
