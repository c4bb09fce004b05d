import { Effect } from "effect"
import { loopCell, measure } from "../../measure.ts"
import { median, medianInterval, ratioOf } from "../../statistics.ts"
import type { BenchOptions, Report } from "../../suite.ts"
import { atMost, figure } from "../../target.ts"
import { evictionTickCell } from "./evictionTick.ts"
import { keyedPoolRotationCell } from "./peers/effect.ts"
import { fill, makeWatertight, roomFor } from "./watertight.ts"

const HOSTS = 1_000
const PER_HOST = 10
const TICK = "eviction tick"

/** As many separate strings on both sides, so that finding the key costs the same memory traffic. */
const keysOf = (hosts: number): ReadonlyArray<string> =>
  Array.from({ length: HOSTS }, (_, index) => ["host", String(index % hosts).padStart(4, "0")].join("-"))

const operations = [
  { name: "Watertight use(key, f)", label: "use at 10,000 idle of 1" },
  { name: "Watertight scoped(acquire(key))", label: "scoped(acquire) at 10,000 idle of 1" }
] as const

const small = (name: string): string => `${name}, 1 connection on 1 host`
const large = (name: string): string => `${name}, 10,000 on 1,000 hosts`

/** Whether a pool with 10,000 idle connections is slower to borrow from, and what looking through them costs. */
export const scale = (options: BenchOptions): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const oneKey = keysOf(1)
    const allKeys = keysOf(HOSTS)
    const one = yield* makeWatertight(roomFor(1, 1))
    const many = yield* makeWatertight(roomFor(HOSTS * PER_HOST, HOSTS))
    yield* fill(one, oneKey.slice(0, 1), 1)
    yield* fill(many, allKeys, PER_HOST)
    const [use, acquire] = operations
    const key = (keys: ReadonlyArray<string>, operation: number): string => keys[operation % HOSTS] ?? ""
    const measured = yield* measure([
      loopCell(small(use.name), (operation) => one.use(key(oneKey, operation), () => Effect.void)),
      loopCell(large(use.name), (operation) => many.use(key(allKeys, operation), () => Effect.void)),
      loopCell(small(acquire.name), (operation) => Effect.scoped(one.acquire(key(oneKey, operation)))),
      loopCell(large(acquire.name), (operation) => Effect.scoped(many.acquire(key(allKeys, operation)))),
      yield* keyedPoolRotationCell(small("KeyedPool scoped(get(key))"), oneKey, 1),
      yield* keyedPoolRotationCell(large("KeyedPool scoped(get(key))"), allKeys, PER_HOST),
      yield* evictionTickCell(TICK, allKeys, PER_HOST)
    ], { ...options, progress: options.progress.within("scale") })
    const ticks = measured.of(TICK).nanos.map((nanos) => nanos / 1e6)
    return {
      tables: [{
        title: "Borrowing from a large pool, the hosts in turn",
        columns: ["operation", "ns"],
        rows: measured.all.map((series) => [series.name, figure(series.median)])
      }],
      targets: [
        ...operations.map(({ label, name }) => {
          const ratio = ratioOf(measured.of(large(name)).nanos, measured.of(small(name)).nanos)
          return atMost({
            name: `${name}, 10,000 idle on 1,000 hosts, of that with 1`,
            label,
            measured: ratio.median,
            interval: ratio,
            bound: 1.5,
            unit: "×"
          })
        }),
        atMost({
          name: "an eviction tick over 10,000 idle connections",
          label: "eviction tick",
          measured: median(ticks),
          interval: medianInterval(ticks),
          bound: 10,
          unit: "ms"
        })
      ],
      raw: { scale: measured.all }
    }
  }))
