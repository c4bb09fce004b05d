import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { ask, borrow, borrowers, holders, rig, settle, statsOf } from "./rig.ts"

/** The turns of the scheduler that pass until the fiber, once asked to end, has ended. */
const turnsToEnd = (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.gen(function*() {
    yield* Fiber.interruptFork(fiber)
    for (let turns = 0; turns < 100; turns++) {
      const exit = yield* fiber.poll
      if (exit._tag === "Some") {
        assert.isTrue(Exit.isInterrupted(exit.value))
        return turns
      }
      yield* Effect.yieldNow()
    }
    return Infinity
  })

/** How long ending takes for a fiber that waits for nothing but a signal. */
const atBest = Effect.gen(function*() {
  const fiber = yield* Effect.fork(Effect.never)
  yield* settle
  return yield* turnsToEnd(fiber)
})

describe("interrupting a caller", () => {
  it.scoped("P1 P6: in the queue: it ends at once, and the next one is served", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const [holder, gone, next] = yield* borrowers(pool, 3)
      assert.isAtMost(yield* turnsToEnd(gone!.fiber), (yield* atBest) + 1)
      assert.strictEqual((yield* statsOf(pool)).waiting, 1)
      yield* holder!.release
      assert.isTrue(yield* next!.has)
      assert.isFalse(yield* gone!.has)
      assert.strictEqual(yield* network.dialed, 1)
    }))

  it.scoped("P1 P6: while the addresses are being found: it ends at once, the others get theirs", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* network.hangResolve("a", true)
      const [gone, next] = yield* borrowers(pool, 2)
      assert.isAtMost(yield* turnsToEnd(gone!.fiber), (yield* atBest) + 1)
      yield* network.hangResolve("a", false)
      yield* settle
      assert.isTrue(yield* next!.has)
      assert.strictEqual(yield* network.resolved("a"), 1)
    }))

  it.scoped("P1 P6: while its dial hangs: it ends at once, though the dial cannot be interrupted", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* network.hangOpen("a", true)
      yield* network.uninterruptibleOpen("a", true)
      const [gone, next] = yield* borrowers(pool, 2)
      assert.isAtMost(yield* turnsToEnd(gone!.fiber), (yield* atBest) + 1)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* next!.has)
      assert.strictEqual(yield* network.dialed, 1)
    }))

  it.scoped("P6: `acquire` and `lease` wait as interruptibly as `use`", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.hangOpen("a", true)
      const best = yield* atBest
      for (const waiting of [Effect.scoped(pool.acquire("a")), pool.lease("a")]) {
        const fiber = yield* Effect.fork(waiting)
        yield* settle
        assert.isAtMost(yield* turnsToEnd(fiber), best + 2)
      }
      yield* network.hangOpen("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { active: 0, waiting: 0 })
    }))

  it.scoped("P6: a timeout of the caller's own is obeyed while the dial hangs", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.hangOpen("a", true)
      const fiber = yield* Effect.fork(Effect.timeoutOption(ask(pool), "200 millis"))
      yield* settle
      yield* TestClock.adjust("200 millis")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "None")
      yield* network.hangOpen("a", false)
    }))

  it.effect("P1: in the very turn in which it is served: the connection goes to the next one", () =>
    Effect.forEach(
      Array.from({ length: 8 }, (_, index) => index),
      (turns) =>
        Effect.gen(function*() {
          const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
          const end = yield* Deferred.make<void>()
          const holder = yield* Effect.fork(pool.use("a", () => Deferred.await(end)))
          yield* settle
          const [gone, next] = yield* borrowers(pool, 2)
          yield* Deferred.succeed(end, undefined)
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(gone!.fiber)
          yield* Fiber.join(holder)
          yield* settle
          assert.isTrue(yield* next!.has, `after ${turns} turns`)
          assert.isAtMost(yield* network.peakOpen("a"), 1)
          yield* next!.release
        }).pipe(Effect.scoped),
      { discard: true }
    ))

  it.scoped("P1: all waiters at once: nothing of them is left", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2 })
      const all = yield* borrowers(pool, 50)
      yield* Fiber.interruptAll(all.slice(2).map((one) => one.fiber))
      assert.include(yield* statsOf(pool), { active: 2, waiting: 0, connecting: 0 })
      yield* all[0]!.release
      yield* all[1]!.release
      assert.include(yield* statsOf(pool), { active: 0, idle: 2, acquired: 2 })
      assert.strictEqual(yield* network.dialed, 2)
    }))
})

describe("late binding", () => {
  it.scoped("P1: what comes back goes to the first waiter, although its own dial is in flight", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const holder = yield* borrow(pool)
      yield* network.hangOpen("a", true)
      const [first, second] = yield* borrowers(pool, 2)
      assert.include(yield* statsOf(pool), { connecting: 2 })
      yield* holder.release
      assert.isTrue(yield* first!.has)
      assert.isTrue((yield* first!.lease).reused)
      assert.isTrue(yield* second!.waits)
      // both dials finish: one for the second, one for nobody
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* second!.has)
      assert.include(yield* statsOf(pool), { active: 2, idle: 1, connecting: 0 })
    }))

  it.scoped("P1: the first dial to finish serves the first waiter, whoever it was started for", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.delayOpen("a", "2 seconds")
      const first = yield* borrow(pool)
      yield* network.delayOpen("a", "1 second")
      const second = yield* borrow(pool)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders([first, second]), [0])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders([first, second]), [0, 1])
    }))

  it.scoped("P1: the caller whose own dial fails gets the error, nobody else", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 2 })
      yield* network.delayOpen("a", "2 seconds")
      const first = yield* borrow(pool)
      yield* network.delayOpen("a", "1 second")
      const second = yield* borrow(pool)
      const third = yield* borrow(pool)
      yield* network.failOpen("a", true)
      yield* TestClock.adjust("1 second")
      assert.include(yield* second.error, { _tag: "Refused", operation: "open", address: "10.0.0.1" })
      assert.isTrue(yield* first.waits)
      assert.isTrue(yield* third.waits)
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* holders([first, second, third]), [0, 2])
    }))

  it.scoped("P1: the error of a dial whose caller was served otherwise is nobody's", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      const holder = yield* borrow(pool)
      yield* network.hangOpen("a", true)
      const served = yield* borrow(pool)
      yield* holder.release
      assert.isTrue(yield* served.has)
      yield* network.failOpen("a", true)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* served.has)
      assert.include(yield* statsOf(pool), { active: 1, idle: 0, connecting: 0, failed: 1 })
    }))

  it.scoped("P1: a dial whose caller left goes to the next waiter", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* network.hangOpen("a", true)
      const [gone, next] = yield* borrowers(pool, 2)
      yield* gone!.interrupt
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* next!.has)
      assert.isFalse((yield* next!.lease).reused)
      assert.deepStrictEqual([yield* network.dialed, yield* network.opened], [1, 1])
    }))

  it.scoped("P1: a dial that was passed on and fails tells the one who has it now", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      yield* network.hangOpen("a", true)
      const [gone, next, third] = yield* borrowers(pool, 3)
      yield* gone!.interrupt
      yield* network.failOpen("a", true)
      yield* network.hangOpen("a", false)
      yield* network.hangOpen("a", true)
      yield* settle
      assert.strictEqual((yield* next!.error)._tag, "Refused")
      assert.isTrue(yield* third!.waits)
      yield* network.failOpen("a", false)
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* third!.has)
    }))

  it.scoped("P6: without `keepDials`, a dial ends with the last caller who waits for it", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ keepDials: false, maxConnectionsPerHost: 2 })
      yield* network.hangOpen("a", true)
      const [first, second, third] = yield* borrowers(pool, 3)
      yield* first!.interrupt
      yield* settle
      // the third has taken the first one's dial over
      assert.include(yield* statsOf(pool), { connecting: 2, waiting: 0 })
      yield* third!.interrupt
      yield* settle
      assert.include(yield* statsOf(pool), { connecting: 1 })
      yield* network.hangOpen("a", false)
      yield* settle
      assert.isTrue(yield* second!.has)
      assert.include(yield* statsOf(pool), { active: 1, idle: 0, connecting: 0, opened: 1 })
      assert.strictEqual(yield* network.openNow(), 1)
    }))

  it.scoped("P1: a dial that nobody waits for any more leads to an idle connection", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig()
      yield* network.hangOpen("a", true)
      const gone = yield* borrow(pool)
      yield* gone.interrupt
      yield* network.hangOpen("a", false)
      yield* settle
      assert.include(yield* statsOf(pool), { active: 0, idle: 1, opened: 1, acquired: 0 })
      assert.strictEqual(yield* ask(pool), 1)
      assert.include(yield* statsOf(pool), { acquired: 1, reused: 0 })
    }))
})
