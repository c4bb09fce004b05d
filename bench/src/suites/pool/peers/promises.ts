import { Effect, type Scope } from "effect"
import genericPool from "generic-pool"
import { Pool as TarnPool } from "tarn"
import { type Cell, promiseLoopCell } from "../../../measure.ts"

/**
 * The pools of the promise world, driven by `await` in a plain loop: their best case, with no Effect around it. Both
 * guard an acquire by a timeout, as Watertight does by default.
 */

const ACQUIRE_TIMEOUT_MILLIS = 30_000

export interface PromisePool {
  readonly acquire: () => PromiseLike<object>
  readonly release: (connection: object) => void
  readonly waiting: () => number
}

export const makeGenericPool = (max: number): Effect.Effect<PromisePool, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      genericPool.createPool(
        { create: () => Promise.resolve({ open: true }), destroy: () => Promise.resolve() },
        { max, acquireTimeoutMillis: ACQUIRE_TIMEOUT_MILLIS }
      )
    ),
    (pool) => Effect.promise(() => pool.drain().then(() => pool.clear()))
  ).pipe(
    Effect.map((pool) => ({
      acquire: () => pool.acquire(),
      // Its promise is left alone: it only reports misuse, and waiting for it would cost this peer a tick.
      release: (connection) => void pool.release(connection as { open: boolean }),
      waiting: () => pool.pending
    }))
  )

export const makeTarn = (max: number): Effect.Effect<PromisePool, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      new TarnPool<object>({
        create: () => Promise.resolve({ open: true }),
        destroy: () => Promise.resolve(),
        min: 0,
        max,
        acquireTimeoutMillis: ACQUIRE_TIMEOUT_MILLIS
      })
    ),
    (pool) => Effect.promise(() => pool.destroy())
  ).pipe(
    Effect.map((pool) => ({
      acquire: () => pool.acquire().promise,
      release: (connection) => void pool.release(connection),
      waiting: () => pool.numPendingAcquires()
    }))
  )

export const promisePoolCell = (name: string, pool: PromisePool): Cell =>
  promiseLoopCell(name, async (operations) => {
    for (let done = 0; done < operations; done += 1) pool.release(await pool.acquire())
  })
