import { assert, describe, it } from "@effect/vitest"
import { Aggregator } from "@watertight/http-adapter"
import { Cause, Effect, Exit, Fiber, FiberRef, Option, TestClock } from "effect"
import { later, settle, watched } from "./aggregatorRig.ts"

const names = (outcomes: ReadonlyArray<{ readonly name: string }>) => outcomes.map(({ name }) => name)

describe("fetchAndAggregate", () => {
  it.effect("A1 returns at the deadline what has arrived, and interrupts the rest", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const interrupted: Array<string> = []
        const slow = (name: string, millis: number) =>
          Effect.onInterrupt(later(millis, name), () => Effect.sync(() => interrupted.push(name)))
        const result = yield* watch.after(
          "1 second",
          Aggregator.fetchAndAggregate({
            slow: slow("slow", 5000),
            fast: slow("fast", 10),
            wrong: Effect.zipRight(Effect.sleep(20), Effect.fail("no")),
            broken: Effect.zipRight(Effect.sleep(30), Effect.die("boom")),
            never: Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push("never"))),
            last: slow("last", 999)
          }, { deadline: "1 second" })
        )
        assert.deepStrictEqual(names(result.outcomes), ["slow", "fast", "wrong", "broken", "never", "last"])
        assert.deepStrictEqual(result.successes.map(({ elapsed, index, value }) => [index, value, elapsed]), [
          [1, "fast", 10],
          [5, "last", 999]
        ])
        assert.deepStrictEqual(result.failures.map(({ elapsed, error, index }) => [index, error, elapsed]), [[
          2,
          "no",
          20
        ]])
        assert.deepStrictEqual(result.defects.map(({ cause, name }) => [name, Cause.squash(cause)]), [[
          "broken",
          "boom"
        ]])
        assert.deepStrictEqual(result.cut.map(({ elapsed, name, started }) => [name, started, elapsed]), [
          ["slow", true, 1000],
          ["never", true, 1000]
        ])
        assert.deepStrictEqual(interrupted, ["slow", "never"])
        assert.strictEqual(watch.alive.size, 0)
        assert.deepStrictEqual(Option.map(result.byName("last"), ({ _tag }) => _tag), Option.some("Succeeded"))
      })
    ))

  it.effect("A1 returns as soon as all have arrived, long before the deadline", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const result = yield* watch.after(
          30,
          Aggregator.fetchAndAggregate({ a: later(30, 1), b: later(20, 2) }, { deadline: "1 hour", timeout: "1 hour" })
        )
        assert.deepStrictEqual(result.successes.map(({ value }) => value), [1, 2])
      })
    ))

  it.effect("A1 is not held up by a source that cannot be interrupted; settled waits for its end", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const result = yield* watch.after(
          100,
          Aggregator.fetchAndAggregate({
            stubborn: Effect.uninterruptible(later(5000, 1)),
            slow: Effect.onInterrupt(later(5000, 1), () => Effect.sleep(50))
          }, { deadline: 100 })
        )
        assert.deepStrictEqual(names(result.cut), ["stubborn", "slow"])
        assert.strictEqual(watch.alive.size, 2)
        const settled = yield* Effect.fork(result.settled)
        yield* TestClock.adjust(4899)
        assert.strictEqual(watch.alive.size, 1)
        assert.isTrue(Option.isNone(yield* Fiber.poll(settled)))
        yield* TestClock.adjust(1)
        assert.isTrue(Option.isSome(yield* Fiber.poll(settled)))
      })
    ))

  it.effect("A1 waits for the grace, and no longer, for the end of what was cut", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const closing = (millis: number) => Effect.onInterrupt(Effect.never, () => Effect.sleep(millis))
        const soon = yield* Effect.fork(
          watch.over(Aggregator.fetchAndAggregate({ a: closing(50), b: closing(20) }, { deadline: 100, grace: 200 }))
        )
        yield* TestClock.adjust(149)
        assert.isTrue(Option.isNone(yield* Fiber.poll(soon)))
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* Fiber.join(soon)).cut.length, 2)
        assert.strictEqual(watch.alive.size, 0)

        const late = yield* watch.after(
          300,
          Aggregator.fetchAndAggregate({ a: closing(500), b: closing(20) }, { deadline: 100, grace: 200 })
        )
        assert.strictEqual(watch.alive.size, 1)
        const settled = yield* Effect.fork(late.settled)
        yield* TestClock.adjust(300)
        yield* Fiber.join(settled)
      })
    ))

  it.effect("A1 the deadline holds inside of a region that is not to be interrupted", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const result = yield* watch.after(
          100,
          Effect.uninterruptible(Aggregator.fetchAndAggregate({ never: Effect.never }, { deadline: 100 }))
        )
        assert.deepStrictEqual(names(result.cut), ["never"])
      })
    ))

  it.effect("A1 a source has a time limit of its own, counted from its own beginning", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const result = yield* watch.after(
          200,
          Aggregator.fetchAndAggregate(
            [
              Aggregator.source("first", Effect.never),
              Aggregator.source("second", later(60, "second")),
              Aggregator.source("third", later(99, "third")),
              Aggregator.source("fourth", Effect.never)
            ],
            { timeout: 100, concurrency: 2 }
          )
        )
        assert.deepStrictEqual(result.successes.map(({ elapsed, name }) => [name, elapsed]), [["second", 60], [
          "third",
          99
        ]])
        assert.deepStrictEqual(
          result.failures.map(({ elapsed, error }) => [error.message, elapsed]),
          [["first: not over within 100 ms", 100], ["fourth: not over within 100 ms", 100]]
        )
      })
    ))

  it.effect("A1 a source that was too slow keeps its place until it has ended, and the deadline comes all the same", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const stubborn = Effect.uninterruptible(later(300, 1))
        const sources = [1, 2, 3].map((n) => Aggregator.source(`${n}`, stubborn))
        const result = yield* watch.after(
          500,
          Aggregator.fetchAndAggregate(sources, { timeout: 100, concurrency: 1, deadline: 500 })
        )
        assert.deepStrictEqual(result.failures.map(({ error, name }) => [name, error._tag]), [
          ["1", "SourceTimeout"],
          ["2", "SourceTimeout"]
        ])
        assert.deepStrictEqual(result.cut.map(({ name, started }) => [name, started]), [["3", false]])
        assert.strictEqual(watch.alive.size, 1)
        yield* TestClock.adjust(100)
      })
    ))

  it.effect("A1 fails with the first failure where it is asked to, and has ended the rest by then", () =>
    watched((watch) =>
      Effect.gen(function*() {
        let closed = 0
        const never = Effect.onInterrupt(Effect.never, () =>
          Effect.zipRight(Effect.sleep(30), Effect.sync(() => closed++)))
        const sources = { a: never, b: Effect.zipRight(Effect.sleep(10), Effect.fail("no")), c: never }
        const fiber = yield* Effect.fork(watch.over(Aggregator.fetchAndAggregate(sources, { failFast: true })))
        yield* TestClock.adjust(39)
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), "no")
        assert.strictEqual(closed, 2)

        const died = yield* watch.after(
          5,
          Effect.exit(Aggregator.fetchAndAggregate([
            Aggregator.source("a", Effect.never),
            Aggregator.source("b", Effect.zipRight(Effect.sleep(5), Effect.die("boom")))
          ], { failFast: true }))
        )
        assert.isTrue(Exit.isFailure(died) && Cause.isDie(died.cause))

        const late = yield* watch.after(
          7,
          Effect.flip(Aggregator.fetchAndAggregate({ a: Effect.never }, { failFast: true, timeout: 7 }))
        )
        assert.strictEqual(late.message, "a: not over within 7 ms")
        assert.strictEqual(watch.alive.size, 0)
      })
    ))

  it.effect("A1 an interrupted call interrupts its sources, and waits for all of them", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const ended: Array<string> = []
        const source = (name: string, millis: number) =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.zipRight(Effect.sleep(millis), Effect.sync(() => ended.push(name))))
        const fiber = yield* Effect.fork(
          watch.over(
            Aggregator.fetchAndAggregate({ a: source("a", 100), b: source("b", 50) }, { deadline: "1 minute" })
          )
        )
        yield* settle
        const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* TestClock.adjust(99)
        assert.deepStrictEqual(ended, ["b"])
        assert.isTrue(Option.isNone(yield* Fiber.poll(interruption)))
        yield* TestClock.adjust(1)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interruption)))
        assert.deepStrictEqual(ended, ["b", "a"])
        assert.strictEqual(watch.alive.size, 0)
      })
    ))

  it.effect("a source that interrupts itself has died, and the others go on", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const result = yield* watch.after(10, Aggregator.fetchAndAggregate({ a: Effect.interrupt, b: later(10, 1) }))
        assert.deepStrictEqual(result.defects.map(({ cause, name }) => [name, Cause.isInterruptedOnly(cause)]), [[
          "a",
          true
        ]])
        assert.deepStrictEqual(names(result.successes), ["b"])
      })
    ))

  it.effect("a source is on its own: what it changes in its fiber and forks there ends with it", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const ref = FiberRef.unsafeMake("outer")
        const source = (name: string) =>
          Effect.gen(function*() {
            const before = yield* FiberRef.get(ref)
            yield* FiberRef.set(ref, name)
            yield* Effect.fork(Effect.never)
            yield* Effect.sleep(1)
            return [before, yield* FiberRef.get(ref)]
          })
        const result = yield* watch.after(
          2,
          Aggregator.fetchAndAggregate({ a: source("a"), b: source("b") }, { concurrency: 1 })
        )
        assert.deepStrictEqual(result.successes.map(({ value }) => value), [["outer", "a"], ["outer", "b"]])
        assert.strictEqual(yield* FiberRef.get(ref), "outer")
        assert.strictEqual(watch.alive.size, 0)
      })
    ))

  it.effect("names may be used twice; the first one is found by name", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const twice = [Aggregator.source("a", Effect.succeed(1)), Aggregator.source("a", Effect.succeed(2))]
        const result = yield* watch.over(Aggregator.fetchAndAggregate(twice))
        assert.deepStrictEqual(result.successes.map(({ index, name, value }) => [name, index, value]), [["a", 0, 1], [
          "a",
          1,
          2
        ]])
        assert.deepStrictEqual(Option.map(result.byName("a"), ({ index }) => index), Option.some(0))
        assert.isTrue(Option.isNone((yield* Aggregator.fetchAndAggregate([])).byName("a" as never)))
      })
    ))
})
