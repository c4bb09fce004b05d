import { Effect } from "effect"
import type { Progress } from "./progress.ts"
import { median, spread } from "./statistics.ts"
import { collectYoung, type Elapsed, makeStopwatch } from "./stopwatch.ts"

export interface Sample extends Elapsed {
  readonly operations: number
}

/** One column of the measurement: something that can be done `operations` times, and timed. */
export interface Cell<S extends Sample = Sample> {
  readonly name: string
  /** Does about this many operations; the sample says how many it were and how long they took. */
  readonly sample: (operations: number) => Effect.Effect<S, unknown>
  /** Takes part in this many rounds at most. */
  readonly roundsAtMost?: number
  /** Begins a round without a run-up: nobody else's code is optimised in the process that does the work. */
  readonly withoutRunUp?: boolean
}

/** For a cell that takes seconds: it is not warmed up for long, and has three rounds only. */
export const rarely = <S extends Sample>(cell: Cell<S>): Cell<S> => atMostRounds(cell, 3)

export const atMostRounds = <S extends Sample>(cell: Cell<S>, roundsAtMost: number): Cell<S> => ({
  ...cell,
  roundsAtMost
})

/** For a cell in a process of its own, which no other cell disturbs. */
export const withoutRunUp = <S extends Sample>(cell: Cell<S>): Cell<S> => ({ ...cell, withoutRunUp: true })

export interface Series<S extends Sample = Sample> {
  readonly name: string
  readonly samples: ReadonlyArray<S>
  /** Nanoseconds of CPU per operation, one for each round. */
  readonly nanos: ReadonlyArray<number>
  readonly median: number
  readonly spread: number
}

export interface Measured<S extends Sample = Sample> {
  readonly all: ReadonlyArray<Series<S>>
  readonly of: (name: string) => Series<S>
}

export interface MeasureOptions {
  readonly rounds: number
  /** The least a cell lasts in a round: its number of operations grows until it does. */
  readonly minMillis: number
  /** How many rounds are thrown away before the first that counts; 3 when not given. */
  readonly warmUpRounds?: number
  readonly progress: Progress
}

/** Times a loop in one fiber. The effect is built anew for each operation, as a caller would. */
export const loopCell = <E>(name: string, body: (operation: number) => Effect.Effect<unknown, E>): Cell => ({
  name,
  sample: (operations) =>
    Effect.suspend(() => {
      const watch = makeStopwatch()
      let done = 0
      const loop = Effect.whileLoop({
        while: () => done < operations,
        body: () => body(done),
        step: () => {
          done += 1
        }
      })
      watch.start()
      return Effect.map(loop, () => {
        watch.stop()
        return { operations, ...watch.read() }
      })
    })
})

/** Times a loop over a library of promises in its own world: no fiber, no bridge per operation. */
export const promiseLoopCell = (name: string, loop: (operations: number) => Promise<void>): Cell => ({
  name,
  sample: (operations) =>
    Effect.promise(async () => {
      const watch = makeStopwatch()
      watch.start()
      await loop(operations)
      watch.stop()
      return { operations, ...watch.read() }
    })
})

const millis = (sample: Sample): number => sample.wallNanos / 1e6

/** How many operations the next sample needs so as to last the minimum with a margin of 30 %. */
const enough = (sample: Sample, minMillis: number): number =>
  Math.ceil(sample.operations * Math.min(16, 1.3 * minMillis / Math.max(millis(sample), 0.001)))

const sampleCell = <S extends Sample>(cell: Cell<S>, operations: number) =>
  Effect.zipRight(Effect.sync(collectYoung), Effect.orDie(cell.sample(operations)))

/**
 * A round begins with a run-up that is thrown away: the cell before may have made the collector drop optimised code, and
 * whoever came next would pay for it (seen: half as much again).
 */
const runUp = <S extends Sample>(cell: Cell<S>, operations: number) =>
  cell.roundsAtMost === undefined && cell.withoutRunUp !== true
    ? Effect.asVoid(Effect.orDie(cell.sample(Math.ceil(operations / 2))))
    : Effect.void

/** Rounds that are thrown away: what the cells share in Effect's interpreter settles only when all have run in turn. */
const WARM_UP_ROUNDS = 3

/** The first run of a cell: its number of operations is found while its code becomes hot. */
const calibrate = <S extends Sample>(cell: Cell<S>, minMillis: number): Effect.Effect<number> =>
  Effect.gen(function*() {
    let operations = 1
    while (true) {
      const sample = yield* sampleCell(cell, operations)
      operations = enough(sample, minMillis)
      if (millis(sample) >= minMillis) return operations
    }
  })

const toSeries = <S extends Sample>(name: string, samples: ReadonlyArray<S>): Series<S> => {
  const nanos = samples.map((sample) => sample.cpuNanos / sample.operations)
  return { name, samples, nanos, median: median(nanos), spread: spread(nanos) }
}

/** A B C, A B C, …: after a warm-up of each cell, every round measures every cell once, in the order given. */
export const measure = <S extends Sample = Sample>(
  cells: ReadonlyArray<Cell<S>>,
  options: MeasureOptions
): Effect.Effect<Measured<S>> =>
  Effect.gen(function*() {
    const { warmUpRounds = WARM_UP_ROUNDS } = options
    const runs = cells.map((cell) => ({ cell, operations: 1, samples: new Array<S>() }))
    for (const run of runs) {
      options.progress.show(`warm-up: ${run.cell.name}`)
      run.operations = yield* calibrate(run.cell, options.minMillis)
    }
    for (let round = 1 - warmUpRounds; round <= options.rounds; round += 1) {
      for (const run of runs) {
        const { roundsAtMost = Infinity } = run.cell
        if (round > roundsAtMost || (round < 1 && roundsAtMost < Infinity)) continue
        options.progress.show(`${round < 1 ? "warm-up" : `round ${round} of ${options.rounds}`}: ${run.cell.name}`)
        yield* runUp(run.cell, run.operations)
        const sample = yield* sampleCell(run.cell, run.operations)
        if (round >= 1) run.samples.push(sample)
        if (millis(sample) < options.minMillis) run.operations = enough(sample, options.minMillis)
      }
    }
    const all = runs.map((run) => toSeries(run.cell.name, run.samples))
    const of = (name: string): Series<S> => {
      const series = all.find((candidate) => candidate.name === name)
      if (series === undefined) throw new Error(`no cell named "${name}" was measured`)
      return series
    }
    return { all, of }
  })
