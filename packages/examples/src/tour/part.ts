/** A part of the tour: one pool, what is done to it stop by stop, and what is left of it in the end. */
import type { PoolStats } from "@watertight/pool"
import { Effect } from "effect"
import { describe, summary } from "./lines.ts"

export interface Stop<in Surroundings> {
  readonly title: string
  /** Does something to the pool or to its peers, and tells what came of it. */
  readonly visit: (surroundings: Surroundings) => Effect.Effect<string, unknown>
}

/** What every pool offers to the tour. */
interface Pool {
  readonly stats: Effect.Effect<PoolStats.PoolStats>
  readonly shutdown: Effect.Effect<PoolStats.ShutdownReport>
}

interface Visited {
  readonly results: ReadonlyArray<{
    readonly title: string
    readonly seen: string
    readonly stats: PoolStats.PoolStats
  }>
  readonly report: PoolStats.ShutdownReport
}

interface Ended extends Visited {
  readonly opened: number
  readonly left: { readonly sockets: number }
}

export interface Part extends Ended {
  readonly name: string
}

export type Say = (line: string) => Effect.Effect<void>

/** Visits the stops one after the other, and closes the pool. */
export const visitAll = <Surroundings extends { readonly pool: Pool }>(
  surroundings: Surroundings,
  stops: ReadonlyArray<Stop<Surroundings>>,
  say: Say
): Effect.Effect<Visited, unknown> =>
  Effect.gen(function*() {
    const results = yield* Effect.forEach(stops, ({ title, visit }) =>
      Effect.gen(function*() {
        const seen = yield* visit(surroundings)
        const stats = yield* surroundings.pool.stats
        yield* say(describe(title, seen, stats))
        return { title, seen, stats }
      }))
    return { results, report: yield* surroundings.pool.shutdown }
  })

/** Says how a part ended. */
export const finish = (name: string, ended: Ended, say: Say): Effect.Effect<Part> =>
  Effect.as(say(summary(ended.report, ended.opened, ended.left.sockets)), { name, ...ended })

export const together = <A, E>(n: number, effect: Effect.Effect<A, E>): Effect.Effect<Array<A>, E> =>
  Effect.all(Array.from({ length: n }, () => effect), { concurrency: "unbounded" })
