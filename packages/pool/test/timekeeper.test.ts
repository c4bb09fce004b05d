import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { Alarm } from "../src/internal/alarm.ts"
import { Fibers } from "../src/internal/fibers.ts"
import { Timekeeper, type Timer } from "../src/internal/timekeeper.ts"
import { settle } from "./rig.ts"
import { fibersBefore, liveFibers, WatchedClock } from "./watched.ts"

/** A watched clock, and fibers that live by it. */
const parts = Effect.gen(function*() {
  const clock = new WatchedClock(yield* Effect.clock)
  const fibers = new Fibers(yield* Effect.withClock(Effect.runtime(), clock))
  return { clock, fibers }
})

describe("an alarm", () => {
  it.effect("P2: it rings at the time set last, if that is sooner, and then is off", () =>
    Effect.gen(function*() {
      const { clock, fibers } = yield* parts
      const alarm = new Alarm(clock, fibers)
      const rings: Array<number> = []
      const listening = yield* alarm.wait.pipe(
        Effect.zipRight(Effect.sync(() => rings.push(clock.unsafeCurrentTimeMillis()))),
        Effect.forever,
        Effect.fork
      )
      alarm.soonest(500)
      alarm.soonest(900)
      yield* TestClock.adjust("100 millis")
      alarm.soonest(300)
      yield* TestClock.adjust("900 millis")
      assert.deepStrictEqual(rings, [300])
      alarm.soonest(900)
      yield* settle
      assert.deepStrictEqual(rings, [300, 1000], "one that is due already rings at once")
      assert.strictEqual(clock.sleeping, 0)
      yield* Fiber.interrupt(listening)
    }))

  it.effect("P2: one that rings while nobody listens is heard by whoever comes next, once", () =>
    Effect.gen(function*() {
      const { clock, fibers } = yield* parts
      const alarm = new Alarm(clock, fibers)
      alarm.soonest(10)
      yield* TestClock.adjust("20 millis")
      yield* alarm.wait
      const second = yield* Effect.fork(alarm.wait)
      yield* TestClock.adjust("1 hour")
      assert.isTrue((yield* second.poll)._tag === "None")
      yield* Fiber.interrupt(second)
    }))

  it.effect("P2: moving it leaves no sleeper behind", () =>
    Effect.gen(function*() {
      const before = yield* fibersBefore
      const { clock, fibers } = yield* parts
      const alarm = new Alarm(clock, fibers)
      for (let at = 1000; at > 0; at--) alarm.soonest(at)
      assert.strictEqual(yield* liveFibers, before + 1)
      assert.strictEqual(clock.sleeping, 1)
      yield* TestClock.adjust("1 millis")
      yield* alarm.wait
      assert.strictEqual(yield* liveFibers, before)
      assert.strictEqual(clock.sleeping, 0)
    }))

  it.effect("P2: times with fractions ring, not too early and not without end", () =>
    Effect.gen(function*() {
      const { clock, fibers } = yield* parts
      const alarm = new Alarm(clock, fibers)
      for (const after of [10.2, 9.000_000_1, 3.999_999_9, 0.000_000_1, 0.5]) {
        const at = clock.unsafeCurrentTimeMillis() + after
        alarm.soonest(at)
        const ringing = yield* Effect.fork(alarm.wait)
        yield* TestClock.adjust("11 millis")
        yield* Fiber.join(ringing)
        assert.isAtLeast(clock.unsafeCurrentTimeMillis(), at)
      }
    }))

  it.effect("P2: it sleeps longer than the timers of a platform can", () =>
    Effect.gen(function*() {
      const { clock, fibers } = yield* parts
      const alarm = new Alarm(clock, fibers)
      const slept: Array<number> = []
      const sleep = clock.sleep.bind(clock)
      clock.sleep = (duration) => {
        slept.push(Number(duration.value._tag === "Millis" ? duration.value.millis : Number.NaN))
        return sleep(duration)
      }
      const days60 = 60 * 24 * 60 * 60 * 1000
      alarm.soonest(days60)
      const ringing = yield* Effect.fork(alarm.wait)
      yield* TestClock.adjust("59 days")
      assert.isTrue((yield* ringing.poll)._tag === "None")
      yield* TestClock.adjust("1 day")
      yield* Fiber.join(ringing)
      assert.isAbove(slept.length, 2)
      for (const millis of slept) assert.isAtMost(millis, 2 ** 31 - 1)
    }))
})

describe("the timekeeper", () => {
  /** Runs it until everything that has rung by then has rung. */
  const keeping = Effect.gen(function*() {
    const { clock, fibers } = yield* parts
    const keeper = new Timekeeper(clock, fibers)
    const loop = yield* Effect.fork(Effect.forever(Effect.catchAllDefect(keeper.turn, () => Effect.void)))
    return { clock, keeper, stop: Fiber.interrupt(loop) }
  })

  it.effect("P2: deadlines ring in order of time, and cancelled ones do not", () =>
    Effect.gen(function*() {
      const { clock, keeper, stop } = yield* keeping
      const rung: Array<string> = []
      const at = (time: number, name: string) =>
        keeper.at(time, () => rung.push(`${name} ${clock.unsafeCurrentTimeMillis()}`))
      at(300, "c")
      const b = at(200, "b")
      at(100, "a")
      assert.isUndefined(at(Infinity, "never"))
      keeper.cancel(b)
      keeper.cancel(b)
      keeper.cancel(undefined)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(rung, ["a 100", "c 300"])
      assert.strictEqual(keeper.size, 0)
      assert.strictEqual(clock.sleeping, 0)
      yield* stop
    }))

  it.effect("P2: one that throws costs none of the others", () =>
    Effect.gen(function*() {
      const { keeper, stop } = yield* keeping
      const rung: Array<number> = []
      for (let n = 0; n < 5; n++) {
        keeper.at(100, () => {
          rung.push(n)
          if (n % 2 === 0) throw new Error("a defect")
        })
      }
      yield* TestClock.adjust("200 millis")
      assert.sameMembers(rung, [0, 1, 2, 3, 4])
      yield* stop
    }))

  it.effect("P2: what is set or cancelled while others ring is so at once", () =>
    Effect.gen(function*() {
      const { keeper, stop } = yield* keeping
      const rung: Array<string> = []
      const later: { timer: Timer | undefined } = { timer: undefined }
      keeper.at(100, () => {
        rung.push("first")
        keeper.cancel(later.timer)
        keeper.at(50, () => rung.push("overdue"))
        keeper.at(150, () => rung.push("next"))
      })
      later.timer = keeper.at(101, () => rung.push("cancelled"))
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(rung, ["first", "overdue"])
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(rung, ["first", "overdue", "next"])
      yield* stop
    }))

  it.effect("P2: it is as a sorted list would be, whatever is set and cancelled", () =>
    Effect.gen(function*() {
      const { clock, fibers } = yield* parts
      yield* Effect.sync(() =>
        fc.assert(
          fc.property(
            // each number sets a timer or, below zero, cancels one of those set before
            fc.array(fc.integer({ min: -1000, max: 50 }), { minLength: 20, maxLength: 80, size: "max" }),
            (commands) => {
              // never turned: the heap alone is asked
              const keeper = new Timekeeper(clock, fibers)
              const timers: Array<Timer> = []
              for (const command of commands) {
                if (command >= 0 || timers.length < 10) timers.push(keeper.at(Math.abs(command), () => undefined)!)
                else keeper.cancel(timers[-command % timers.length])
                const left = timers.filter(({ index }) => index >= 0)
                assert.strictEqual(keeper.size, left.length)
                assert.strictEqual(new Set(left.map(({ index }) => index)).size, left.length)
                // every timer is due no sooner than the one above it
                const byPlace = left.toSorted((a, b) => a.index - b.index)
                for (const { at, index } of byPlace) {
                  if (index > 0) assert.isAtMost(byPlace[(index - 1) >> 1]!.at, at)
                }
              }
              keeper.clear()
              assert.strictEqual(keeper.size, 0)
              assert.isTrue(timers.every(({ index }) => index === -1))
            }
          )
        )
      )
      yield* Effect.async<void>((resume) => fibers.stop(() => resume(Effect.void)))
      assert.strictEqual(clock.sleeping, 0)
    }))
})

describe("the pool's fibers", () => {
  it.effect("P2: they begin even if they are interrupted before, and say where they may be", () =>
    Effect.gen(function*() {
      const { fibers } = yield* parts
      const seen: Array<string> = []
      const fiber = fibers.run(
        Effect.sync(() => seen.push("began")).pipe(
          Effect.zipRight(Effect.interruptible(Effect.never)),
          Effect.exit,
          Effect.zipRight(Effect.sync(() => seen.push("cleaned up")))
        )
      )
      assert.strictEqual(fibers.size, 1)
      assert.deepStrictEqual(seen, [], "whoever forks is in the middle of a step")
      yield* Effect.async<void>((resume) => fibers.stop(() => resume(Effect.void)))
      assert.deepStrictEqual(seen, ["began", "cleaned up"])
      assert.strictEqual(fibers.size, 0)
      yield* Fiber.await(fiber)
    }))

  it.effect("P2: their end is told when the last of them has ended, also when there is none", () =>
    Effect.gen(function*() {
      const { fibers } = yield* parts
      let told = 0
      fibers.stop(() => told++)
      assert.strictEqual(told, 1)
      const other = (yield* parts).fibers
      const gate = yield* Effect.makeLatch()
      other.run(gate.await)
      other.run(Effect.interruptible(Effect.never))
      other.stop(() => told++)
      yield* settle
      assert.strictEqual(told, 1)
      yield* gate.open
      yield* settle
      assert.strictEqual(told, 2)
    }))
})
