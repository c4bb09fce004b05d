/** Any mix of sources, limits and ends: every source is accounted for exactly once, and no fiber and no timer is left. */
import { assert, describe, it } from "@effect/vitest"
import { Aggregator } from "@watertight/http-adapter"
import { Effect, Exit, FastCheck as fc, Fiber, Option, Stream, TestClock, TestContext } from "effect"
import { Watch } from "./aggregatorRig.ts"

interface Plan {
  readonly delay: number
  readonly end: "succeeds" | "fails" | "dies" | "interrupts itself" | "never ends"
  /** how long it takes to end when it is interrupted */
  readonly closing: number
  readonly stubborn: boolean
}

const plan: fc.Arbitrary<Plan> = fc.record({
  delay: fc.constantFrom(0, 0, 1, 5, 10, 20, 50),
  end: fc.constantFrom("succeeds", "succeeds", "fails", "dies", "interrupts itself", "never ends"),
  closing: fc.constantFrom(0, 0, 0, 5),
  stubborn: fc.boolean()
})

const options = fc.record({
  deadline: fc.constantFrom(0, 1, 15, 30, Infinity),
  timeout: fc.constantFrom(3, 12, 40, 40),
  concurrency: fc.constantFrom<number | "unbounded">(1, 2, 5, "unbounded"),
  failFast: fc.constantFrom(false, false, false, true)
})

/** How the caller ends: by itself, or interrupted after so long. */
const interruptAfter = fc.constantFrom(undefined, undefined, undefined, 0, 7, 25)

const effectOf = ({ closing, delay, end, stubborn }: Plan): Effect.Effect<string, string> => {
  const last = end === "succeeds"
    ? Effect.succeed("value")
    : end === "fails"
    ? Effect.fail("error")
    : end === "dies"
    ? Effect.die("defect")
    : end === "interrupts itself"
    ? Effect.interrupt
    : Effect.never
  const whole = Effect.zipRight(delay === 0 ? Effect.void : Effect.sleep(delay), last)
  // what cannot be interrupted has an end of its own, or the test had none
  if (stubborn && end !== "never ends") return Effect.uninterruptible(whole)
  return closing === 0 ? whole : Effect.onInterrupt(whole, () => Effect.sleep(closing))
}

/** Whether an outcome is one that the source can have. */
const plausible = ({ delay, end }: Plan, outcome: Aggregator.Outcome<object, unknown, unknown>): boolean =>
  outcome._tag === "Cut"
  || (outcome._tag === "Failed" && outcome.error instanceof Aggregator.SourceTimeout && outcome.elapsed >= 3)
  || (outcome.elapsed >= delay
    && (outcome._tag === "Succeeded"
      ? end === "succeeds"
      : outcome._tag === "Failed"
      ? end === "fails"
      : end !== "succeeds"))

/** Longer than anything can take. */
const forGood = 4000

const run = <A, E>(
  watch: Watch,
  interrupt: number | undefined,
  effect: Effect.Effect<A, E>
): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(watch.over(effect))
    if (interrupt !== undefined) {
      yield* TestClock.adjust(interrupt)
      yield* Effect.fork(Fiber.interrupt(fiber))
    }
    yield* TestClock.adjust(forGood)
    const exit = yield* Fiber.poll(fiber)
    assert(Option.isSome(exit), "it goes on for ever")
    return exit.value
  })

const holds = (program: (watch: Watch) => Effect.Effect<void>): Promise<void> =>
  Effect.flatMap(Effect.clock, (clock) => {
    const watch = new Watch(clock)
    return Effect.map(program(watch), () => watch.assertNothingLeft())
  }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)

const settings = { numRuns: 60 }

describe("any mix of sources", () => {
  it("A1 A2 A4 every source is accounted for exactly once, and nothing is left", () =>
    fc.assert(
      fc.asyncProperty(fc.array(plan, { maxLength: 12 }), options, interruptAfter, (plans, given, interrupt) =>
        holds((watch) =>
          Effect.gen(function*() {
            let told = 0
            const exit = yield* run(
              watch,
              interrupt,
              Aggregator.processBatch(plans, effectOf, {
                ...given,
                onProgress: () =>
                  told++
              })
            )
            if (Exit.isFailure(exit)) {
              return
            }
            const { cut, defects, failures, outcomes, successes } = exit.value
            assert.deepStrictEqual(
              outcomes.map(({ index }) =>
                index
              ),
              plans.map((_, index) => index)
            )
            for (const outcome of outcomes) assert.isTrue(plausible(outcome.item, outcome), JSON.stringify(outcome))
            const grouped = [...successes, ...failures, ...defects, ...cut]
            assert.sameMembers(grouped, [...outcomes])
            assert.deepStrictEqual([grouped.length, told], [plans.length, plans.length])
            if (given.deadline === Infinity) assert.strictEqual(cut.length, 0)
            if (given.failFast) assert.deepStrictEqual([failures.length, defects.length], [0, 0])
          })
        )),
      settings
    ))

  it("A3 A4 a stream tells of every source exactly once, or is ended, and nothing is left", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(plan, { maxLength: 12 }),
        options,
        interruptAfter,
        fc.record({
          buffer: fc.constantFrom(0, 1, 4),
          take: fc.constantFrom(0, 1, 3, 99, 99),
          pace: fc.constantFrom(0, 0, 4)
        }),
        (plans, given, interrupt, { buffer, pace, take }) =>
          holds((watch) =>
            Effect.gen(function*() {
              const sources = plans.map((one, index) => Aggregator.source(`${index}`, effectOf(one)))
              const seen: Array<number> = []
              const exit = yield* run(
                watch,
                interrupt,
                Aggregator.streamResults(sources, { ...given, buffer }).pipe(
                  Stream.take(take),
                  Stream.runForEach((outcome) => {
                    seen.push(outcome.index)
                    const source = plans[outcome.index]
                    assert(source !== undefined && outcome.name === `${outcome.index}`)
                    assert.isTrue(plausible(source, outcome))
                    return pace === 0 ? Effect.void : Effect.sleep(pace)
                  })
                )
              )
              assert.strictEqual(new Set(seen).size, seen.length)
              if (Exit.isSuccess(exit)) assert.strictEqual(seen.length, Math.min(take, plans.length))
            })
          )
      ),
      settings
    ))
})
