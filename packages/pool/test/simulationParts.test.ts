import { Effect, Fiber } from "effect"
import { assert, describe, it } from "vitest"
import { EventLog } from "./simulation/eventLog.ts"
import { Prng } from "./simulation/prng.ts"
import { type FiberTrack, ReadyQueue } from "./simulation/readyQueue.ts"
import { simulate } from "./simulation/simulate.ts"
import type { Sim } from "./simulation/simulator.ts"
import { type Tier, tiers } from "./simulation/tiers.ts"
import { VirtualClock } from "./simulation/virtualClock.ts"

/** Nothing but the order of the ready fibers differs from seed to seed. */
const onlyOrder = { strikeProbability: 0, earlyTimerProbability: 0 }

const successOf = <A>(seed: number, program: (sim: Sim) => Effect.Effect<A>, options = {}): A => {
  const { exit, failure } = simulate(seed, program, options)
  assert(exit?._tag === "Success", failure?.detail)
  return exit.value
}

describe("the schedule", () => {
  it("reaches every order of four fibers that only yield", () => {
    const race = (): Effect.Effect<string> =>
      Effect.gen(function*() {
        const order: Array<string> = []
        const run = (name: string) => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => order.push(name)))
        yield* Effect.forEach(["a", "b", "c", "d"], run, { concurrency: "unbounded" })
        return order.join("")
      })
    const orders = new Set(Array.from({ length: 300 }, (_, seed) => successOf(seed, race, onlyOrder)))
    assert.strictEqual(orders.size, 24)
  })

  it("keeps the order of the tasks of one fiber", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const queue = new ReadyQueue()
      const random = new Prng(seed, 1)
      const fibers = [1, 2, 3].map((number): FiberTrack => ({ number, queued: 0, forcedYield: "none" }))
      const ran: Array<string> = []
      for (let task = 0; task < 5; task++) {
        for (const fiber of fibers) queue.push(() => ran.push(`${fiber.number}:${task}`), fiber)
      }
      for (let next = queue.take(random); next !== undefined; next = queue.take(random)) next.run()
      assert.strictEqual(ran.length, 15)
      for (const { number, queued } of fibers) {
        assert.strictEqual(queued, 0)
        const own = ran.filter((name) => name.startsWith(`${number}:`))
        assert.deepStrictEqual(own, [0, 1, 2, 3, 4].map((task) => `${number}:${task}`))
      }
    }
  })

  it("fires timers while fibers are ready, as on a slow processor, only where that is asked for", () => {
    const busy = (sim: Sim): Effect.Effect<number> =>
      Effect.gen(function*() {
        const sleeper = yield* Effect.fork(Effect.sleep("1 second"))
        for (let turn = 0; turn < 200; turn++) yield* Effect.yieldNow()
        const { now } = sim
        yield* Fiber.join(sleeper)
        return now
      })
    assert.strictEqual(successOf(1, busy, onlyOrder), 0)
    assert.strictEqual(successOf(1, busy, { earlyTimerProbability: 0.1 }), 1000)
  })

  it("ends even where every operation is a forced yield", () => {
    const tier = { ...tiers.review, yieldProbability: 1, yieldAfterOperations: 0 }
    const loop = Effect.forEach([1, 2, 3, 4, 5], (item) => Effect.sync(() => item * 2))
    const result = simulate(1, () => loop, { ...onlyOrder, tier, stepsMax: 500 })
    assert.isTrue(result.ok, result.failure?.detail)
    assert.isAbove(result.forcedYields, 1)
  })

  it("forces no yield in the natural tier, and none before the tier's number of operations", () => {
    const turns = (count: number) => () => Effect.repeatN(Effect.yieldNow(), count)
    const yields = (tier: Tier, count: number): number =>
      Array.from({ length: 50 }, (_, seed) => simulate(seed, turns(count), { ...onlyOrder, tier }))
        .reduce((sum, { forcedYields }) => sum + forcedYields, 0)
    assert.strictEqual(yields(tiers.natural, 100), 0)
    // Each turn is a run loop of a few operations: it counts where two are enough, and never where it takes sixteen.
    assert.isAbove(yields(tiers.rare, 10), 0)
    assert.strictEqual(yields(tiers.rare, 100), yields(tiers.rare, 10))
    assert.isAbove(yields(tiers.review, 100), 2 * yields(tiers.review, 10))
  })
})

describe("the clock", () => {
  it("fires in the order of time, whatever was cancelled", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const clock = new VirtualClock(new Prng(seed, 1))
      const random = new Prng(seed, 2)
      const expected: Array<number> = []
      const fired: Array<number> = []
      for (let timer = 0; timer < 200; timer++) {
        const millis = random.int(100)
        const cancel = clock.after(millis, () => fired.push(clock.unsafeCurrentTimeMillis()))
        if (random.chance(0.3)) {
          assert.isTrue(cancel())
          assert.isFalse(cancel())
        } else {
          expected.push(millis)
        }
      }
      assert.strictEqual(clock.pending, expected.length)
      while (clock.fireNext() !== undefined);
      assert.deepStrictEqual(fired, expected.toSorted((left, right) => left - right))
      assert.strictEqual(clock.pending, 0)
    }
  })

  it("breaks ties by the seed", () => {
    const orders = new Set<string>()
    for (let seed = 1; seed <= 100; seed++) {
      const clock = new VirtualClock(new Prng(seed, 1))
      const order: Array<string> = []
      for (const name of ["a", "b", "c"]) clock.after(5, () => order.push(name))
      while (clock.fireNext() !== undefined);
      orders.add(order.join(""))
    }
    assert.strictEqual(orders.size, 6)
  })

  it("jumps ahead and never back", () => {
    const clock = new VirtualClock(new Prng(1, 1))
    let firedAt = 0
    clock.after(10, () => (firedAt = clock.unsafeCurrentTimeMillis()))
    clock.jump(1000)
    clock.fireNext()
    assert.strictEqual(firedAt, 1000)
    assert.strictEqual(clock.unsafeCurrentTimeNanos(), 1_000_000_000n)
  })

  it("counts a sleep that was interrupted as no timer", () => {
    const program = (sim: Sim): Effect.Effect<number> =>
      Effect.zipRight(
        Effect.timeout(Effect.yieldNow(), "1 hour").pipe(Effect.orDie),
        Effect.sync(() => sim.clock.pending)
      )
    assert.strictEqual(successOf(1, program, onlyOrder), 0)
  })
})

describe("the history", () => {
  it("keeps the last events and says how many it dropped", () => {
    const log = new EventLog(3)
    for (let step = 1; step <= 5; step++) log.add(`event ${step}`, step, step * 10)
    assert.deepStrictEqual(log.trailing().map(({ event }) => event), ["event 3", "event 4", "event 5"])
    assert.strictEqual(log.dropped, 2)
  })

  it("tells one event, one moment and one choice from another", () => {
    const hashOf = (fill: (log: EventLog) => void): number => {
      const log = new EventLog(1)
      fill(log)
      return log.hash
    }
    const hashes = [
      hashOf((log) => log.add("a", 1, 1)),
      hashOf((log) => log.add("b", 1, 1)),
      hashOf((log) => log.add("a", 1, 2)),
      hashOf((log) => log.choice(1)),
      hashOf(() => {})
    ]
    assert.strictEqual(new Set(hashes).size, hashes.length)
  })

  it("shows the log lines of the program", () => {
    const result = simulate(1, () => Effect.zipRight(Effect.logWarning("pool is full"), Effect.fail("no")))
    assert.isTrue(result.failure?.events.some(({ event }) => event === "WARN pool is full"))
  })
})
