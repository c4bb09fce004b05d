import { Effect } from "effect"
import type { AcquireOptions } from "../../../src/ConnectionPool.ts"
import type { Lease } from "../../../src/Lease.ts"
import type { PoolStats } from "../../../src/PoolStats.ts"
import type { Sim } from "../simulator.ts"
import type { SimPool } from "./poolWatch.ts"
import type { SimConnection } from "./world.ts"

/** What one user of the pool does: how it borrows, what it does then, and how it ends. Drawn from the seed. */
export const user = (sim: Sim, pool: SimPool, name: string, key: string): Effect.Effect<void> => {
  const random = sim.workRandom
  const options = acquireOptions(sim)
  const work = during(sim, name)
  const borrow = random.weighted<Effect.Effect<unknown, unknown>>([
    [6, () => pool.use(key, work, options)],
    [3, () => Effect.scoped(Effect.flatMap(pool.acquire(key, options), work))],
    [2, () => byHand(pool, key, options, work)],
    [1, () => pool.use(key, () => pool.use(key, work, { timeout: random.between(1, 50) }), options)],
    [1, () => pool.warm(key, random.between(1, 3))],
    [1, () => pool.retire(key)],
    [1, () => pool.reconfigure({ idleTimeout: random.between(20, 200), acquireTimeout: random.between(50, 500) })],
    [1, () => Effect.map(pool.stats, (stats) => checkStats(sim, stats))]
  ])
  // Every end is a success, a typed error or an interruption; a defect fails the run by itself.
  return borrow.pipe(Effect.delay(random.between(0, 60)), Effect.ignore)
}

const acquireOptions = (sim: Sim): AcquireOptions | undefined => {
  const random = sim.workRandom
  return random.weighted<AcquireOptions | undefined>([
    [6, () => undefined],
    [1, () => ({ fresh: true })],
    [2, () => ({ timeout: random.between(1, 100) })]
  ])
}

const during = (sim: Sim, name: string) => {
  const random = sim.workRandom
  const holdMillis = random.between(0, 25)
  const act = random.weighted<(lease: Lease<SimConnection>) => Effect.Effect<void, string>>([
    [6, () => () => Effect.void],
    [1, () => (lease) => lease.discard("no good")],
    [1, () => (lease) => lease.retire("enough")],
    [2, () => (lease) => lease.reportFailure("the peer failed")],
    [1, () => () => Effect.fail("the user's own failure")]
  ])
  return (lease: Lease<SimConnection>): Effect.Effect<void, string> =>
    Effect.suspend(() => {
      sim.log(`${name} has ${lease.connection.address}#${lease.connection.id}`)
      return holdMillis === 0 ? Effect.yieldNow() : Effect.sleep(holdMillis)
    }).pipe(Effect.zipRight(Effect.suspend(() => act(lease))))
}

/** As an adapter does it: whoever holds the lease releases it, sometimes twice. */
const byHand = (
  pool: SimPool,
  key: string,
  options: AcquireOptions | undefined,
  work: (lease: Lease<SimConnection>) => Effect.Effect<void, string>
): Effect.Effect<void, unknown> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      pool.lease(key, options),
      (lease) =>
        Effect.flatMap(
          Effect.exit(restore(work(lease))),
          (exit) => Effect.zipRight(lease.release(exit), lease.release(exit))
        )
    )
  )

const checkStats = (sim: Sim, stats: PoolStats): void => {
  for (const { active, idle, total } of [stats, ...stats.hosts]) {
    if (total !== active + idle || active < 0 || idle < 0) sim.fail("P7: total is not active + idle")
  }
}
