import { assert, describe, it } from "@effect/vitest"
import { Aggregator } from "@watertight/http-adapter"
import { PoolError } from "@watertight/pool"
import { Cause, Chunk, Effect, Exit, Fiber, Option, Stream, TestClock } from "effect"
import { later, settle, watched } from "./aggregatorRig.ts"

const limits = { deadline: "1 second", timeout: "1 second" } as const

/** The same sources through each of the three, as a list of kinds. */
const three = (
  sources: ReadonlyArray<Aggregator.Source<string, unknown, unknown, never>>,
  options: Aggregator.Options = {}
) => {
  const kinds = (outcomes: Iterable<{ readonly _tag: string }>) => Array.from(outcomes, ({ _tag }) => _tag)
  return {
    fetchAndAggregate: Effect.map(Aggregator.fetchAndAggregate(sources, options), ({ outcomes }) => kinds(outcomes)),
    processBatch: Effect.map(
      Aggregator.processBatch(sources, ({ effect }) => effect, options),
      ({ outcomes }) => kinds(outcomes)
    ),
    streamResults: Effect.map(Stream.runCollect(Aggregator.streamResults(sources, options)), kinds)
  }
}

/** What Effect's own streams begin to run a stream; the others begin nothing. */
const ownFibers = (name: string): Effect.Effect<number> =>
  Effect.suspend(() => {
    if (name !== "streamResults") return Effect.succeed(0)
    const ended = Stream.fromPull(Effect.succeed(Effect.fail(Option.none())))
    return watched((watch) => Effect.map(watch.over(Stream.runDrain(ended)), () => watch.started))
  })

const source = (effect: Effect.Effect<unknown, unknown>) => Aggregator.source("source", effect)

describe("at the edges", () => {
  for (const [name, run] of Object.entries(three([], limits))) {
    it.effect(`A4 ${name}: no source, an empty result, no fiber and no timer`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* watch.over(run), [])
          assert.deepStrictEqual([watch.started - (yield* ownFibers(name)), watch.sleeps], [0, 0])
        })
      ))
  }

  for (const [name, run] of Object.entries(three([source(Effect.succeed(1))], limits))) {
    it.effect(`A4 ${name}: one source that waits for nothing costs its own fiber, and no timer`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* watch.over(run), ["Succeeded"])
          assert.deepStrictEqual([watch.started - (yield* ownFibers(name)), watch.sleeps], [1, 0])
        })
      ))
  }

  for (const [name, run] of Object.entries(three([source(later(10, 1))], limits))) {
    it.effect(`A4 ${name}: one source that takes its time, and one timer for both limits`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* watch.after(10, run), ["Succeeded"])
          assert.deepStrictEqual([watch.started - (yield* ownFibers(name)), watch.sleeps], [2, 2])
          watch.assertNothingLeft()
        })
      ))
  }

  const failing = Array.from(
    { length: 20 },
    (_, index) => source(index % 2 === 0 ? Effect.fail(index) : Effect.delay(Effect.fail(index), index))
  )
  for (const [name, run] of Object.entries(three(failing, limits))) {
    it.effect(`A4 ${name}: all sources fail, and all failures are told`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* watch.after(20, run), Array.from({ length: 20 }, () => "Failed"))
        })
      ))
  }

  for (const [name, run] of Object.entries(three([source(Effect.never), source(Effect.never)], limits))) {
    it.effect(`A4 ${name}: interrupted already on entry, it ends at once and begins nothing`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(
            Effect.uninterruptibleMask((restore) => Effect.zipRight(Effect.sleep(10), restore(watch.over(run))))
          )
          yield* settle
          const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
          yield* TestClock.adjust(10)
          assert.isTrue(Option.isSome(yield* Fiber.poll(interruption)))
          assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interruption)))
          assert.strictEqual(watch.started, 0)
        })
      ))

    it.effect(`A4 ${name}: timers are released, whichever way it ends`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* watch.after("1 second", run), ["Cut", "Cut"])
          watch.assertNothingLeft()
          const fiber = yield* Effect.fork(watch.over(run))
          yield* settle
          assert.isAbove(watch.sleeping, 0)
          yield* Fiber.interrupt(fiber)
          watch.assertNothingLeft()
        })
      ))
  }

  for (
    const [name, run] of Object.entries(
      three(Array.from({ length: 8 }, () => source(later(100, 1))), { concurrency: 4 })
    )
  ) {
    it.effect(`A4 ${name}: concurrency is never serialised: eight of 100 ms, four at once, take 200 ms`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* watch.after(200, run)).length, 8)
        })
      ))
  }

  for (const [name, run] of Object.entries(three([source(Effect.never)], { deadline: 0 }))) {
    it.effect(`A4 ${name}: a deadline that is over begins nothing`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* watch.over(run), ["Cut"])
          assert.deepStrictEqual([watch.started - (yield* ownFibers(name)), watch.sleeps], [0, 0])
        })
      ))
  }

  it.effect("A4 a call in a finalizer of an interrupted fiber has its sources, and its deadline", () =>
    watched((watch) =>
      Effect.gen(function*() {
        let cut = 0
        const farewell = Effect.map(
          Aggregator.fetchAndAggregate({ a: Effect.void, b: Effect.never }, { deadline: 10 }),
          (result) => cut += result.cut.length + 10 * result.successes.length
        )
        const fiber = yield* Effect.fork(Effect.onInterrupt(Effect.never, () => watch.over(farewell)))
        yield* settle
        const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* TestClock.adjust(10)
        yield* Fiber.join(interruption)
        assert.strictEqual(cut, 11)
      })
    ))

  it.effect("A4 limits longer than a timer of the platform hold as well", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const result = yield* watch.after(
          "60 days",
          Aggregator.fetchAndAggregate({ a: Effect.never }, { deadline: "60 days" })
        )
        assert.strictEqual(result.cut.length, 1)
      })
    ))
})

describe("a mistake in the call", () => {
  const effects: ReadonlyArray<unknown> = [Effect.void]
  const loosely = (options: object): Aggregator.Options => options
  const defects: Record<string, readonly [Effect.Effect<unknown, unknown>, string]> = {
    "deadline": [
      three([], { deadline: -1 }).fetchAndAggregate,
      "deadline: -1 is not allowed; allowed: a duration, such as \"2 seconds\", 0 or Infinity"
    ],
    "timeout": [
      three([], { timeout: 0 }).processBatch,
      "timeout: 0 is not allowed; allowed: a duration above zero, such as \"10 seconds\", or Infinity"
    ],
    "concurrency": [
      three([], { concurrency: 1.5 }).streamResults,
      "concurrency: 1.5 is not allowed; allowed: a whole number from 1, or \"unbounded\""
    ],
    "an option of another one": [
      three([], loosely({ buffer: 4 })).fetchAndAggregate,
      "buffer: \"a number\" is not allowed; allowed: the options deadline, timeout, concurrency, failFast, grace, onProgress"
    ],
    "onProgress": [
      three([], loosely({ onProgress: 4 })).fetchAndAggregate,
      "onProgress: 4 is not allowed; allowed: a function"
    ],
    "buffer": [
      Stream.runDrain(Aggregator.streamResults([], { buffer: -1 })),
      "buffer: -1 is not allowed; allowed: a whole number from 0"
    ],
    "a source without a name": [
      Aggregator.fetchAndAggregate(effects as ReadonlyArray<Aggregator.Source<"a", void, never, never>>),
      "allowed: a source, as Aggregator.source makes it"
    ],
    "a source that is no effect": [
      Aggregator.fetchAndAggregate({ a: 1 as unknown as Effect.Effect<void> }),
      "sources[0].effect: 1 is not allowed; allowed: an effect"
    ],
    "no sources": [
      Aggregator.fetchAndAggregate(4 as unknown as Record<string, Effect.Effect<void>>),
      "sources: 4 is not allowed; allowed: an iterable of sources, or a record of effects"
    ],
    "no items": [
      Aggregator.processBatch(4 as unknown as Iterable<number>, Effect.succeed),
      "items: 4 is not allowed; allowed: an iterable"
    ],
    "no function": [
      Aggregator.processBatch([1], 4 as unknown as typeof Effect.succeed),
      "f: 4 is not allowed; allowed: a function from an item to an effect"
    ]
  }
  for (const [name, [run, message]] of Object.entries(defects)) {
    it.effect(`${name}: a defect that names the field, the value and what is allowed`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(run)
        assert(Exit.isFailure(exit))
        const defect = Chunk.unsafeHead(Cause.defects(exit.cause))
        assert.instanceOf(defect, PoolError.ConfigInvalid)
        assert.include(defect.message, message)
      }))
  }
})
