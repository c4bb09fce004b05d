import { Effect, type Scope } from "effect"
import { type Cell, measure, type Measured, rarely } from "../../measure.ts"
import { median, minus, ratioOf } from "../../statistics.ts"
import type { BenchOptions, Report } from "../../suite.ts"
import { atMost, figure } from "../../target.ts"
import { makeBarePromiseQueue, makeBareQueue } from "./bareQueue.ts"
import { fiberCrowdCell, type Queue } from "./crowd.ts"
import { makeGenericPool, makeTarn } from "./peers/promises.ts"
import { promiseCrowdCell } from "./promiseCrowd.ts"
import { makeWatertight } from "./watertight.ts"

const HOST = "host"
const FEW = 10
const MANY = 10_000
/** Each release of Effect's semaphore wakes all that wait: a round with 1,000 takes seconds, one with 10,000 many minutes. */
const SEMAPHORE_MOST = 1_000

interface Subject {
  readonly name: string
  /** The bare queue whose cost is subtracted; none for the bare queues themselves. */
  readonly baseline?: string
  readonly most: number
  readonly cell: (name: string, size: number) => Cell
}

const WATERTIGHT = "Watertight use(key, f)"
const BARE = "fibers at a bare queue, in all"
const BARE_PROMISES = "async functions at a bare queue, in all"

const makeWatertightQueue = (size: number): Effect.Effect<Queue, never, Scope.Scope> =>
  Effect.map(makeWatertight({ maxConnectionsPerHost: 1, maxWaitersPerHost: size }), (pool) => ({
    use: (inside) => pool.use(HOST, () => inside),
    waiting: Effect.map(pool.stats, (stats) => stats.waiting)
  }))

const makeSemaphoreQueue: Effect.Effect<Queue> = Effect.map(Effect.makeSemaphore(1), (semaphore) => ({
  use: semaphore.withPermits(1)
}))

const subjects: ReadonlyArray<Subject> = [
  { name: BARE, most: MANY, cell: (name, size) => fiberCrowdCell(name, size, makeBareQueue) },
  { name: BARE_PROMISES, most: MANY, cell: (name, size) => promiseCrowdCell(name, size, makeBarePromiseQueue) },
  {
    name: WATERTIGHT,
    baseline: BARE,
    most: MANY,
    cell: (name, size) => fiberCrowdCell(name, size, makeWatertightQueue(size))
  },
  {
    name: "Semaphore withPermits(1)",
    baseline: BARE,
    most: SEMAPHORE_MOST,
    cell: (name, size) => {
      const cell = fiberCrowdCell(name, size, makeSemaphoreQueue)
      return size < SEMAPHORE_MOST ? cell : rarely(cell)
    }
  },
  {
    name: "generic-pool",
    baseline: BARE_PROMISES,
    most: MANY,
    cell: (name, size) => promiseCrowdCell(name, size, makeGenericPool(1))
  },
  {
    name: "tarn",
    baseline: BARE_PROMISES,
    most: MANY,
    cell: (name, size) => promiseCrowdCell(name, size, makeTarn(1))
  }
]

const named = (subject: string, size: number): string => `${subject}, ${size} waiting`

/** What waiting costs one waiter, round by round, beyond what it costs to wait at all. */
const waitOf = (measured: Measured, { baseline, name }: Subject, size: number): ReadonlyArray<number> => {
  const { nanos } = measured.of(named(name, size))
  return baseline === undefined ? nanos : minus(nanos, measured.of(named(baseline, size)).nanos.slice(0, nanos.length))
}

/** What one waiter costs (to be queued, woken and to give back) with few and with many waiting. */
export const queue = (options: BenchOptions): Effect.Effect<Report> =>
  Effect.gen(function*() {
    const sizes = options.quick ? [FEW, 100, MANY] : [FEW, 100, SEMAPHORE_MOST, MANY]
    const cells = sizes.flatMap((size) =>
      subjects.filter((subject) => size <= subject.most).map((subject) => subject.cell(named(subject.name, size), size))
    )
    const measured = yield* measure(cells, { ...options, progress: options.progress.within("queue") })
    const watertight = subjects.find((subject) => subject.name === WATERTIGHT)
    if (watertight === undefined) return yield* Effect.dieMessage("no subject of the queue is Watertight")
    const growth = ratioOf(waitOf(measured, watertight, MANY), waitOf(measured, watertight, FEW))
    return {
      tables: [{
        title: "Waiting for the only connection: to be queued, woken and to give back",
        columns: ["queue", ...sizes.map((size) => `ns with ${size.toLocaleString("en-US")} waiting`)],
        rows: subjects.map((subject) =>
          [subject.name].concat(
            sizes.map((size) => size > subject.most ? "" : figure(median(waitOf(measured, subject, size))))
          )
        ),
        notes: [
          "Per waiter, who holds the connection for one turn of the scheduler. The fork of the callers is not in it: they",
          "are forked beforehand and parked at a gate. What the same crowd costs at a bare queue (an array of callbacks),",
          "measured in the same round, is subtracted."
        ]
      }],
      targets: [
        atMost({
          name: "cost of one waiter, 10,000 waiting, of that with 10 waiting",
          label: "waiter at 10,000 of 10",
          measured: growth.median,
          interval: growth,
          bound: 2,
          unit: "×"
        })
      ],
      raw: { queue: measured.all }
    }
  })
