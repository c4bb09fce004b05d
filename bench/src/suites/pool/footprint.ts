import { Effect, KeyedPool, Pool, type Scope } from "effect"
import { slope } from "../../statistics.ts"
import { collectAll } from "../../stopwatch.ts"
import type { BenchOptions, Report } from "../../suite.ts"
import { figure } from "../../target.ts"
import { makeGenericPool, makeTarn, type PromisePool } from "./peers/promises.ts"
import { fill, makeWatertight, roomFor } from "./watertight.ts"

type Point = readonly [connections: number, heapBytes: number]

interface Subject {
  readonly name: string
  /** A pool with that many idle connections, for as long as the scope is open. */
  readonly make: (connections: number) => Effect.Effect<unknown, never, Scope.Scope>
}

const names = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, index) => `host-${index}`)

/** A pool of promises opens on demand: all connections at once, then all of them given back. */
const fillPromises = (make: (max: number) => Effect.Effect<PromisePool, never, Scope.Scope>) => (connections: number) =>
  Effect.tap(make(Math.max(connections, 1)), (pool) =>
    Effect.promise(async () => {
      const all = await Promise.all(Array.from({ length: connections }, () => pool.acquire()))
      for (const connection of all) pool.release(connection)
    }))

const subjects: ReadonlyArray<Subject> = [
  {
    name: "Watertight, one host",
    make: (connections) =>
      Effect.tap(makeWatertight(roomFor(connections, 1)), (pool) => fill(pool, ["host"], connections))
  },
  {
    name: "Watertight, a host for each",
    make: (connections) =>
      Effect.tap(makeWatertight(roomFor(connections, connections)), (pool) => fill(pool, names(connections), 1))
  },
  {
    name: "Pool",
    make: (size) => Effect.tap(Pool.make({ acquire: Effect.sync(() => ({ open: true })), size }), Effect.yieldNow())
  },
  {
    name: "KeyedPool, a key for each",
    make: (connections) =>
      Effect.tap(
        KeyedPool.make({ acquire: (key: string) => Effect.succeed({ key }), size: 1 }),
        (pool) =>
          Effect.forEach(names(connections), (key) => Effect.scoped(KeyedPool.get(pool, key)), { discard: true })
      )
  },
  { name: "generic-pool", make: fillPromises(makeGenericPool) },
  { name: "tarn", make: fillPromises(makeTarn) }
]

const settled = Effect.sleep("20 millis")

const heapWith = (subject: Subject, connections: number): Effect.Effect<Point> =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* subject.make(connections)
    yield* settled
    collectAll()
    collectAll()
    const heap = process.memoryUsage().heapUsed
    // Named once more, so that the pool is alive while the heap is read.
    return pool === undefined ? yield* Effect.dieMessage(`${subject.name} is gone`) : [connections, heap] as const
  }))

/** Bytes of heap per idle connection: the slope over several sizes, so that what a pool costs at all is not in it. */
export const footprint = (options: BenchOptions): Effect.Effect<Report> =>
  Effect.gen(function*() {
    const sizes = options.quick ? [0, 1_000, 2_000] : [0, 1_000, 2_000, 4_000]
    const passes = options.quick ? 1 : 2
    const points = new Map(subjects.map((subject) => [subject.name, new Array<Point>()]))
    for (let pass = 0; pass <= passes; pass += 1) {
      for (const subject of subjects) {
        for (const size of sizes) {
          options.progress.show(
            `footprint: ${pass === 0 ? "warm-up" : `pass ${pass} of ${passes}`}: ${subject.name}, ${size}`
          )
          const point = yield* heapWith(subject, size)
          if (pass > 0) points.get(subject.name)?.push(point)
        }
      }
    }
    return {
      tables: [{
        title: "Heap of an idle connection (the connection itself is an object with one field)",
        columns: ["pool", "bytes"],
        rows: [...points].map(([name, measured]) => [name, figure(slope(measured))])
      }],
      targets: [],
      raw: { footprint: Object.fromEntries(points) }
    }
  })
