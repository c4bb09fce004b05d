/** Streams of results whose readers stop early, fail, are slow and are interrupted at any step. */
import { Aggregator } from "@watertight/http-adapter"
import { Effect, Exit, Fiber, Stream } from "effect"
import type { Prng } from "../../../pool/test/simulation/prng.ts"
import type { Scenario } from "../../../pool/test/simulation/scenario.ts"
import type { Sim } from "../../../pool/test/simulation/simulator.ts"
import { type Bug, bugs, naive } from "./naive.ts"

const readers = 4

type Sources = ReadonlyArray<Aggregator.Source<string, unknown, unknown, never>>

export interface Limits extends Aggregator.StreamOptions {
  readonly buffer: number
  readonly concurrency: number
}

export interface Results {
  (sources: Sources, limits: Limits): Stream.Stream<{ readonly index: number }, unknown>
}

/** What the sources of one reader do, kept by themselves. */
interface Books {
  begun: number
  working: number
  over: number
  read: number
}

const source = (sim: Sim, books: Books, name: string): Aggregator.Source<string, unknown, unknown, never> => {
  const random = sim.workRandom
  const millis = random.between(0, 30)
  const closing = random.chance(0.2) ? random.between(1, 10) : 0
  const last = random.weighted<Effect.Effect<unknown, unknown>>([
    [6, () => Effect.void],
    [2, () => Effect.fail("the source's own failure")],
    [1, () => Effect.interrupt],
    [1, () => Effect.sleep(200)]
  ])
  const work = random.chance(0.2) ? last : Effect.zipRight(Effect.sleep(millis), last)
  const effect = Effect.acquireUseRelease(
    Effect.sync(() => {
      books.begun++
      books.working++
    }),
    () => closing === 0 ? work : Effect.onInterrupt(work, () => Effect.sleep(closing)),
    () =>
      Effect.sync(() => {
        books.working--
        books.over++
      })
  )
  return Aggregator.source(name, random.chance(0.1) ? Effect.uninterruptible(effect) : effect)
}

const optionsOf = (random: Prng): Limits => ({
  buffer: random.between(0, 4),
  concurrency: random.weighted<number>([[2, () => Infinity], [3, () => random.between(1, 5)]]),
  deadline: random.weighted<number>([[3, () => Infinity], [1, () => random.between(0, 40)]]),
  timeout: random.weighted<number>([[3, () => Infinity], [1, () => random.between(1, 25)]]),
  failFast: random.chance(0.2)
})

const reader = (sim: Sim, results: Results, slack: number, name: string): Effect.Effect<void> => {
  const random = sim.workRandom
  const books: Books = { begun: 0, working: 0, over: 0, read: 0 }
  const options = optionsOf(random)
  const size = random.between(0, 9)
  const sources = Array.from({ length: size }, (_, index) => source(sim, books, `${name}.${index}`))
  const take = random.weighted<number>([[3, () => 99], [2, () => random.between(0, 4)]])
  const failsAt = random.weighted<number>([[4, () => Infinity], [1, () => random.between(1, 4)]])
  const pace = random.between(0, 8)
  const seen = new Set<number>()
  sim.onStep(() => {
    if (books.working > options.concurrency) sim.fail(`${name}: ${books.working} at work of ${options.concurrency}`)
    const most = options.buffer + options.concurrency + slack
    if (books.begun - books.read > most) sim.fail(`${name}: ${books.begun - books.read} unread of ${most}`)
  })
  const read = (index: number) =>
    Effect.suspend((): Effect.Effect<void, string> => {
      sim.log(`${name} reads ${index}`)
      books.read++
      if (seen.has(index)) sim.fail(`outcomes doubled: ${name} reads ${index} again`)
      seen.add(index)
      if (books.read >= failsAt) return Effect.fail("the reader's own failure")
      return pace === 0 ? Effect.void : Effect.sleep(pace)
    })
  return results(sources, options).pipe(
    Stream.take(take),
    Stream.runForEach(({ index }) => read(index)),
    Effect.onExit((exit) =>
      Effect.sync(() => {
        sim.log(`${name} ends: ${exit._tag}`)
        if (books.working > 0) sim.fail(`producers at rest: ${books.working} of ${name} are at work after its end`)
        const due = Math.min(take, size)
        if (Exit.isSuccess(exit) && seen.size !== due) sim.fail(`outcomes lost: ${name} read ${seen.size} of ${due}`)
      })
    ),
    Effect.delay(random.between(0, 10)),
    Effect.ignore
  )
}

/** The slack is how much more than it should a stream may run ahead. */
const program = (results: Results, slack: number) => (sim: Sim): Effect.Effect<void> =>
  Effect.gen(function*() {
    const fibers: Array<Fiber.RuntimeFiber<void>> = []
    for (let number = 0; number < readers; number++) {
      const fiber = yield* Effect.forkDaemon(reader(sim, results, slack, `reader ${number}`))
      fibers.push(fiber)
      sim.strike(fiber)
    }
    for (const fiber of fibers) yield* Fiber.await(fiber)
    if (sim.fibersAlive > 0) sim.fail(`producers at rest: ${sim.fibersAlive} fibers are left`)
  })

const options = { virtualMillisMax: 5_000 }

export const aggregatorStream: Scenario = {
  name: "aggregator/stream",
  program: program((sources, limits) => Aggregator.streamResults(sources, limits), 0),
  options
}

const plant = ({ name, symptom }: Bug): Scenario => ({
  name: `aggregator/${name}`,
  // its queue has room for one at least, and one is with the reader
  program: program(naive(name), 2),
  options: { ...options, allowDefects: true },
  planted: symptom,
  // yields after any two operations make them fail in other ways as well: they stand on a queue that was not made for it
  advisory: ["review"]
})

/** The same readers over streams with a bug, which has to be found. */
export const aggregatorPlanted: ReadonlyArray<Scenario> = bugs.map(plant)
