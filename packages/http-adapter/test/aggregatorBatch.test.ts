import { assert, describe, it } from "@effect/vitest"
import { Aggregator } from "@watertight/http-adapter"
import { Effect, Exit, Fiber, FiberRef, HashSet, Logger, TestClock } from "effect"
import { later, settle, watched } from "./aggregatorRig.ts"

const range = (size: number): ReadonlyArray<number> => Array.from({ length: size }, (_, index) => index)

/** Keeps the books of how many are at work. */
const crowd = () => {
  const state = { now: 0, peak: 0, begun: 0 }
  const work = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        state.begun++
        state.peak = Math.max(state.peak, ++state.now)
      }),
      () => effect,
      () => Effect.sync(() => state.now--)
    )
  return { state, work }
}

describe("processBatch", () => {
  it.effect("A2 tells what became of every item, in their order", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const f = (item: number, index: number) =>
          item % 3 === 0 ? Effect.delay(Effect.fail(`no ${item}`), 50 - item) : later(50 - item, item * 10 + index)
        const { cut, defects, failures, outcomes, successes } = yield* watch.after(
          50,
          Aggregator.processBatch(range(8), f)
        )
        assert.deepStrictEqual(outcomes.map(({ index, item }) => [index, item]), range(8).map((item) => [item, item]))
        assert.deepStrictEqual(
          successes.map(({ item, value }) => [item, value]),
          [1, 2, 4, 5, 7].map((n) => [n, n * 11])
        )
        assert.deepStrictEqual(failures.map(({ error, item }) => [item, error]), [[0, "no 0"], [3, "no 3"], [
          6,
          "no 6"
        ]])
        assert.deepStrictEqual([defects.length, cut.length], [0, 0])
      })
    ))

  it.effect("A2 a function that throws has died for that item alone", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { defects, successes } = yield* watch.over(Aggregator.processBatch([1, 2, 3], (item) => {
          if (item === 2) throw new Error("two")
          return Effect.succeed(item)
        }))
        assert.deepStrictEqual(defects.map(({ item }) => item), [2])
        assert.deepStrictEqual(successes.map(({ value }) => value), [1, 3])
      })
    ))

  it.effect("A2 has 10 at work at once, or as many as it is told, and never more fibers than that", () =>
    watched((watch) =>
      Effect.gen(function*() {
        for (const [concurrency, peak] of [[undefined, 10], [3, 3], ["unbounded", 40], [1, 1]] as const) {
          const { state, work } = crowd()
          let fibers = 0
          const batch = Aggregator.processBatch(range(40), () =>
            work(Effect.zipRight(Effect.sync(() => (fibers = Math.max(fibers, watch.alive.size))), Effect.sleep(10))), {
            concurrency
          })
          yield* watch.after(10 * Math.ceil(40 / peak), batch)
          assert.deepStrictEqual(state, { now: 0, peak, begun: 40 })
          // and the one that ends as the next begins
          assert.isAtMost(fibers, peak + 1)
        }
      })
    ))

  it.effect("A2 A4 one slow item holds up nobody but itself", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const ended: Array<number> = []
        const f = (item: number) => Effect.map(Effect.sleep(item === 0 ? 100 : 10), () => ended.push(item))
        yield* watch.after(100, Aggregator.processBatch(range(7), f, { concurrency: 2 }))
        assert.deepStrictEqual(ended, [1, 2, 3, 4, 5, 6, 0])
      })
    ))

  it.effect("A2 an early end leaves no worker behind: deadline, failure, interruption", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { state, work } = crowd()
        const never = () => work(Effect.onInterrupt(Effect.never, () => Effect.yieldNow()))
        const late = yield* watch.after(100, Aggregator.processBatch(range(30), never, { deadline: 100 }))
        assert.deepStrictEqual(late.cut.map(({ started }) => started), range(30).map((item) => item < 10))
        assert.deepStrictEqual(state, { now: 0, peak: 10, begun: 10 })
        watch.assertNothingLeft()

        const f = (item: number) => item === 12 ? Effect.fail("twelve") : item < 10 ? later(item, item) : never()
        const failed = yield* watch.after(100, Effect.flip(Aggregator.processBatch(range(30), f, { failFast: true })))
        assert.strictEqual(failed, "twelve")
        assert.strictEqual(state.now, 0)
        watch.assertNothingLeft()

        const fiber = yield* Effect.fork(watch.over(Aggregator.processBatch(range(30), never, { deadline: "1 hour" })))
        yield* settle
        assert.strictEqual(state.now, 10)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(state.now, 0)
      })
    ))

  it.effect("A2 many items that wait for nothing are done by and by: others have their turn, and the deadline holds", () =>
    watched((watch) =>
      Effect.gen(function*() {
        let turns = 0
        const other = yield* Effect.fork(Effect.forever(Effect.zipRight(Effect.yieldNow(), Effect.sync(() => turns++))))
        const { successes } = yield* watch.over(Aggregator.processBatch(range(5000), Effect.succeed))
        yield* Fiber.interrupt(other)
        assert.strictEqual(successes.length, 5000)
        assert.isAbove(turns, 5)

        const advance = (item: number) => item === 100 ? TestClock.adjust(50) : Effect.void
        const result = yield* Aggregator.processBatch(range(200), advance, { deadline: 50, concurrency: 1 })
        assert.deepStrictEqual([result.successes.length, result.cut.length], [100, 100])
      })
    ))

  it.effect("A2 progress is told of every outcome, in the order in which they become known", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const told: Array<ReadonlyArray<unknown>> = []
        const f = (item: number) =>
          item === 1
            ? Effect.fail("no")
            : item === 2
            ? Effect.die("boom")
            : item === 4
            ? Effect.never
            : later(30 - item, item)
        yield* watch.after(
          40,
          Aggregator.processBatch(range(7), f, {
            concurrency: 5,
            deadline: 40,
            onProgress: ({ cut, defects, done, failures, outcome, successes, total }) =>
              told.push([done, total, outcome.item, successes, failures, defects, cut])
          })
        )
        assert.deepStrictEqual(told, [
          [1, 7, 1, 0, 1, 0, 0],
          [2, 7, 2, 0, 1, 1, 0],
          [3, 7, 6, 1, 1, 1, 0],
          [4, 7, 5, 2, 1, 1, 0],
          [5, 7, 3, 3, 1, 1, 0],
          [6, 7, 0, 4, 1, 1, 0],
          [7, 7, 4, 4, 1, 1, 1]
        ])
      })
    ))

  it.effect("A2 a progress callback may be an effect: one after the other, and the call waits for it, up to the deadline", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const told: Array<number> = []
        const onProgress = ({ done }: { readonly done: number }) =>
          Effect.zipRight(Effect.sleep(10), Effect.sync(() => told.push(done)))
        yield* watch.after(30, Aggregator.processBatch([1, 2, 3], Effect.succeed, { onProgress }))
        assert.deepStrictEqual(told, [1, 2, 3])
        const cut = yield* watch.after(
          25,
          Aggregator.processBatch([1, 2, 3], Effect.succeed, { onProgress, deadline: 25 })
        )
        assert.deepStrictEqual(told, [1, 2, 3, 1, 2])
        assert.strictEqual(cut.successes.length, 3)
      })
    ))

  it.effect("A2 a progress callback that throws, fails or dies loses nothing, and is logged", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const logged: Array<unknown> = []
        const logger = Logger.make(({ message }) => void logged.push(message))
        let calls = 0
        const onProgress = () => {
          calls++
          if (calls === 1) throw new Error("thrown")
          return calls === 2 ? Effect.fail("failed") : calls === 3 ? Effect.die("died") : undefined
        }
        const { successes } = yield* watch.over(Aggregator.processBatch(range(5), Effect.succeed, { onProgress })).pipe(
          Effect.locally(FiberRef.currentLoggers, HashSet.make(logger))
        )
        assert.strictEqual(successes.length, 5)
        assert.strictEqual(calls, 5)
        assert.deepStrictEqual(logged, Array.from({ length: 3 }, () => ["a progress callback failed"]))
      })
    ))

  it.effect("A2 items come from any iterable; one that throws is the defect of the call", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const items = function*() {
          yield undefined
          yield null
          yield ""
        }
        const { outcomes } = yield* watch.over(Aggregator.processBatch(items(), Effect.succeed))
        assert.deepStrictEqual(outcomes.map(({ item }) => item), [undefined, null, ""])
        const broken = function*() {
          yield 1
          throw new Error("no more")
        }
        const exit = yield* Effect.exit(watch.over(Aggregator.processBatch(broken(), Effect.succeed)))
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(watch.started, 3)
      })
    ))
})
