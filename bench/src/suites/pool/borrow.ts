import { Effect } from "effect"
import { loopCell, measure } from "../../measure.ts"
import { ratioOf } from "../../statistics.ts"
import type { BenchOptions, Report } from "../../suite.ts"
import { atLeast, atMost } from "../../target.ts"
import {
  keyedPoolCell,
  poolCell,
  rcMapHeldCell,
  rcMapIdleCell,
  scopedVoidCell,
  semaphoreCell,
  voidCell
} from "./peers/effect.ts"
import { makeGenericPool, makeTarn, promisePoolCell } from "./peers/promises.ts"
import { costRow } from "./rows.ts"
import { makeWatertight } from "./watertight.ts"

const USE = "Watertight use(key, f)"
const ACQUIRE = "Watertight scoped(acquire(key))"
const KEYED_POOL = "KeyedPool scoped(get(key))"
const HOST = "host"

/** What it costs to borrow an idle connection and to give it back, everything at its defaults. */
export const borrow = (options: BenchOptions): Effect.Effect<Report> =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* makeWatertight()
    yield* Effect.orDie(pool.warm(HOST, 1))
    const measured = yield* measure([
      loopCell(USE, () => pool.use(HOST, () => Effect.void)),
      loopCell(ACQUIRE, () => Effect.scoped(pool.acquire(HOST))),
      yield* keyedPoolCell(KEYED_POOL),
      yield* poolCell("Pool scoped(get)"),
      yield* rcMapIdleCell("RcMap scoped(get), idle time to live 1 min"),
      yield* rcMapHeldCell("RcMap scoped(get), held elsewhere"),
      promisePoolCell("generic-pool acquire/release", yield* makeGenericPool(1)),
      promisePoolCell("tarn acquire/release", yield* makeTarn(1)),
      semaphoreCell("Semaphore withPermits(1)"),
      scopedVoidCell("Effect.scoped(Effect.void)"),
      voidCell("Effect.void")
    ], { ...options, progress: options.progress.within("borrow") })
    const peer = measured.of(KEYED_POOL)
    const cheaper = ratioOf(peer.nanos, measured.of(USE).nanos)
    const scoped = ratioOf(measured.of(ACQUIRE).nanos, peer.nanos)
    return {
      tables: [{
        title: "Borrowing an idle connection",
        columns: ["operation", "ns", "spread", "of KeyedPool"],
        rows: measured.all.map((series) => costRow(series, peer)),
        notes: ["generic-pool and tarn run in a loop of promises, with no Effect around them and a timeout of 30 s"]
      }],
      targets: [
        atLeast({
          name: "use(key, f) cheaper than scoped(KeyedPool.get)",
          label: "use cheaper than KeyedPool",
          measured: cheaper.median,
          interval: cheaper,
          bound: 6,
          unit: "×"
        }),
        atMost({
          name: "scoped(acquire(key)) of scoped(KeyedPool.get)",
          label: "scoped(acquire) of KeyedPool",
          measured: scoped.median,
          interval: scoped,
          bound: 0.75,
          unit: "×"
        })
      ],
      raw: { borrow: measured.all }
    }
  }))
