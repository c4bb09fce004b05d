import { assert, describe, it } from "@effect/vitest"
import { Aggregator } from "@watertight/http-adapter"
import { Cause, Chunk, Effect, Exit, Fiber, Option, Stream, TestClock } from "effect"
import { later, settle, type Watch, watched } from "./aggregatorRig.ts"

const names = (outcomes: Iterable<{ readonly name: string }>) => Array.from(outcomes, ({ name }) => name)

/** Sources without end that say when they begin and when they are interrupted. */
const endless = (size: number) => {
  const state = { begun: 0, interrupted: 0 }
  const sources = Array.from({ length: size }, (_, index) =>
    Aggregator.source(
      `endless ${index}`,
      Effect.zipRight(
        Effect.sync(() => state.begun++),
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => state.interrupted++))
      )
    ))
  return { state, sources }
}

const quick = Aggregator.source("quick", Effect.succeed(1))

/** Sources that count their beginnings. */
const counting = (size: number) => {
  const state = { begun: 0, closed: false }
  const sources = function*() {
    try {
      for (let index = 0; index < size; index++) {
        yield Aggregator.source(`${index}`, Effect.sync(() => state.begun++))
      }
    } finally {
      state.closed = true
    }
  }
  return { state, sources: sources() }
}

describe("streamResults", () => {
  it.effect("A3 gives outcomes in the order of their arrival, each as it arrives, and ends after the last", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const seen: Array<readonly [string, number]> = []
        const stream = Aggregator.streamResults({
          c: later(30, 3),
          a: later(10, 1),
          d: Effect.zipRight(Effect.sleep(40), Effect.fail("no")),
          b: Effect.zipRight(Effect.sleep(20), Effect.die("boom"))
        })
        const fiber = yield* Effect.fork(
          watch.over(Stream.runForEach(stream, ({ index, name }) => Effect.sync(() => seen.push([name, index]))))
        )
        for (const [so, far] of [[10, 1], [10, 2], [10, 3]] as const) {
          yield* TestClock.adjust(so)
          assert.strictEqual(seen.length, far)
        }
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust(10)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(seen, [["a", 1], ["b", 3], ["c", 0], ["d", 2]])
      })
    ))

  it.effect("A3 begins with all of them at once, when the first is asked for", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { sources, state } = endless(50)
        yield* Effect.scoped(Effect.gen(function*() {
          const pull = yield* watch.over(Stream.toPull(Aggregator.streamResults([...sources, quick])))
          assert.deepStrictEqual(names(yield* watch.over(pull)), ["quick"])
          assert.deepStrictEqual(state, { begun: 50, interrupted: 0 })
        }))
        assert.deepStrictEqual(state, { begun: 50, interrupted: 50 })
      })
    ))

  it.effect("A3 all of them run at the same time", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const sources = Array.from({ length: 100 }, (_, index) => Aggregator.source(`${index}`, later(100, index)))
        const all = yield* watch.after(100, Stream.runCollect(Aggregator.streamResults(sources)))
        assert.strictEqual(Chunk.size(all), 100)
      })
    ))

  const stops: Record<string, (stream: Stream.Stream<unknown>) => Effect.Effect<unknown, unknown>> = {
    "takes no more": (stream) => Stream.runDrain(Stream.take(stream, 1)),
    "fails": (stream) => Stream.runForEach(stream, () => Effect.fail("enough")),
    "dies": (stream) => Stream.runForEach(stream, () => Effect.die("enough")),
    "interrupts itself": (stream) => Stream.runForEach(stream, () => Effect.interrupt),
    "is late": (stream) => Effect.timeout(Stream.runDrain(stream), 1)
  }
  for (const [how, stop] of Object.entries(stops)) {
    it.effect(`A3 producers end, and are waited for, when the consumer ${how}`, () =>
      watched((watch) =>
        Effect.gen(function*() {
          const { sources, state } = endless(20)
          yield* watch.after(1, Effect.exit(stop(Aggregator.streamResults([...sources, quick]))))
          assert.deepStrictEqual(state, { begun: 20, interrupted: 20 })
        })
      ))
  }

  it.effect("A3 producers end, and are waited for, when the consumer is interrupted", () =>
    watched((watch) =>
      Effect.gen(function*() {
        let closed = false
        const closing = Effect.onInterrupt(Effect.never, () =>
          Effect.zipRight(
            Effect.sleep(50),
            Effect.sync(() => {
              closed = true
            })
          ))
        const fiber = yield* Effect.fork(
          watch.over(Stream.runDrain(Aggregator.streamResults({ closing, quick: quick.effect })))
        )
        yield* settle
        const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* TestClock.adjust(49)
        assert.isTrue(Option.isNone(yield* Fiber.poll(interruption)))
        yield* TestClock.adjust(1)
        assert.isTrue(closed)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interruption)))
      })
    ))

  const unread = (watch: Watch, options: Aggregator.StreamOptions, most: number) =>
    Effect.gen(function*() {
      const { sources, state } = counting(30)
      let read = 0
      const slowly = Stream.runForEach(Aggregator.streamResults(sources, options), () => {
        read++
        assert.isAtMost(state.begun - read, most)
        return Effect.sleep(10)
      })
      const fiber = yield* Effect.fork(watch.over(slowly))
      yield* TestClock.adjust(5)
      assert.strictEqual(state.begun - read + 1, most)
      yield* TestClock.adjust(300)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([read, state.begun, state.closed], [30, 30, true])
    })

  it.effect("A3 back-pressure: of what is begun no more is unread than the buffer and the concurrency", () =>
    watched((watch) =>
      Effect.gen(function*() {
        yield* unread(watch, { concurrency: 4, buffer: 8 }, 12)
        yield* unread(watch, { concurrency: 4 }, 20)
        yield* unread(watch, { concurrency: 1, buffer: 0 }, 1)
        yield* unread(watch, { concurrency: 1, buffer: 1 }, 2)
      })
    ))

  it.effect("A3 goes through an iterable without end as it is read, and closes it when the consumer stops", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { sources, state } = counting(Infinity)
        const taken = yield* watch.over(
          Aggregator.streamResults(sources, { concurrency: 3, buffer: 2 }).pipe(Stream.take(1000), Stream.runCollect)
        )
        assert.strictEqual(Chunk.size(taken), 1000)
        assert.isAtMost(state.begun, 1005)
        assert.isTrue(state.closed)
      })
    ))

  it.effect("A3 what sources acquire is released when the last of them has ended, and not in front of it", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const log: Array<string> = []
        const say = (what: string) => Effect.sync(() => log.push(what))
        const acquire = (name: string, after: number) =>
          Effect.delay(Effect.acquireRelease(say(`${name} acquires`), () => say(`${name} releases`)), after)
        const work = (name: string) =>
          Effect.onInterrupt(Effect.never, () => Effect.zipRight(Effect.sleep(5), say(`${name} has ended`)))
        const stream = Aggregator.streamResults({
          a: Effect.zipRight(acquire("a", 1), work("a")),
          b: Effect.zipRight(acquire("b", 2), work("b")),
          held: acquire("held", 3)
        })
        yield* watch.after(10, Stream.runForEach(Stream.take(stream, 1), ({ name }) => say(`${name} is read`)))
        assert.deepStrictEqual(log.slice(0, 4), ["a acquires", "b acquires", "held acquires", "held is read"])
        assert.sameMembers(log.slice(4, 6), ["a has ended", "b has ended"])
        assert.deepStrictEqual(log.slice(6), ["held releases", "b releases", "a releases"])
      })
    ))

  it.effect("A3 at the deadline what is not over is cut, and the stream ends", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { sources } = endless(3)
        const all = yield* watch.after(
          100,
          Aggregator.streamResults([quick, ...sources, Aggregator.source("last", Effect.void)], {
            deadline: 100,
            concurrency: 2
          }).pipe(
            Stream.map((
              outcome
            ) => [outcome.name, outcome._tag, outcome._tag === "Cut" && outcome.started, outcome.index]),
            Stream.runCollect
          )
        )
        assert.deepStrictEqual(Chunk.toReadonlyArray(all), [
          ["quick", "Succeeded", false, 0],
          ["endless 0", "Cut", true, 1],
          ["endless 1", "Cut", true, 2],
          ["endless 2", "Cut", false, 3],
          ["last", "Cut", false, 4]
        ])
      })
    ))

  it.effect("A3 with a deadline an iterable without end is told of for as long as it is read", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const all = yield* watch.over(
          Aggregator.streamResults(counting(Infinity).sources, { deadline: 0, concurrency: 2 }).pipe(
            Stream.take(200),
            Stream.runCollect
          )
        )
        assert.deepStrictEqual(
          Array.from(all, ({ _tag, index }) => [_tag, index]),
          Array.from({ length: 200 }, (_, index) => ["Cut", index])
        )
      })
    ))

  it.effect("A3 fails after what had arrived, where it is asked to, and has ended the rest by then", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { sources, state } = endless(3)
        const seen: Array<string> = []
        const failing = Aggregator.source("failing", Effect.zipRight(Effect.sleep(10), Effect.fail("no")))
        const exit = yield* watch.after(
          10,
          Effect.exit(Stream.runForEach(
            Aggregator.streamResults([...sources, failing, quick], { failFast: true }),
            ({ name }) => Effect.sync(() => seen.push(name))
          ))
        )
        assert.deepStrictEqual(exit, Exit.fail("no"))
        assert.deepStrictEqual(seen, ["quick", "failing"])
        assert.deepStrictEqual(state, { begun: 3, interrupted: 3 })
      })
    ))

  it.effect("A3 an iterable that throws is the defect of the stream, and leaves nothing", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const { sources, state } = endless(2)
        const broken = function*() {
          yield* sources
          throw new Error("no more")
        }
        const exit = yield* watch.over(Effect.exit(Stream.runDrain(Aggregator.streamResults(broken()))))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.deepStrictEqual(state, { begun: 2, interrupted: 2 })
      })
    ))

  it.effect("A3 a late source is a failure in the stream, and a stream can be run again", () =>
    watched((watch) =>
      Effect.gen(function*() {
        const stream = Aggregator.streamResults({ never: Effect.never, soon: later(5, 1) }, { timeout: 20 })
        for (let run = 0; run < 2; run++) {
          const all = yield* watch.after(20, Stream.runCollect(stream))
          assert.deepStrictEqual(Array.from(all, ({ _tag, name }) => [name, _tag]), [["soon", "Succeeded"], [
            "never",
            "Failed"
          ]])
        }
      })
    ))
})
