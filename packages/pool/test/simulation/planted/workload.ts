import { Cause, Effect, Exit, Fiber } from "effect"
import type { Sim } from "../simulator.ts"
import type { BugName } from "./bugs.ts"
import { KeyedPool, type Lease } from "./keyedPool.ts"
import { Network, type Socket } from "./network.ts"

const keys = ["a", "b"]
const socketsPerKeyMax = 2
const users = 12
const startMillisMax = 5
const holdMillisMax = 6
const idleMillisMax = 4
/** Shorter than the longest hold, so that reclaims race with releases. */
const heldMillisMax = 5
/** Some users end their lease by hand as well, at the moment at which it ends by itself. */
const releasedTwiceProbability = 0.3
const interruptProbability = 0.4
const interruptMillisMax = 9

/** Twelve users share two keys while an evictor runs and some of them are interrupted. */
export const workload = (bug: BugName | undefined) => (sim: Sim): Effect.Effect<void> =>
  Effect.gen(function*() {
    const network = new Network(sim)
    const pools = keys.map((key) => new KeyedPool({ key, max: socketsPerKeyMax, network, now: () => sim.now, bug }))
    sim.onStep(() => checkAlways(sim, pools))

    const evictor = yield* Effect.forEach(pools, (pool) => pool.evict(idleMillisMax, heldMillisMax)).pipe(
      Effect.delay("2 millis"),
      Effect.forever,
      Effect.forkDaemon
    )
    const inUse = new Map<Socket, number>()
    const fibers: Array<Fiber.RuntimeFiber<void>> = []
    for (let user = 0; user < users; user++) {
      const pool = sim.workRandom.pick(pools)
      if (pool === undefined) continue
      const fiber = yield* Effect.forkDaemon(runUser(sim, pool, { inUse, fibers, user }))
      fibers.push(fiber)
      sim.strike(fiber)
      if (sim.faultRandom.chance(interruptProbability)) {
        yield* Effect.forkDaemon(
          Effect.delay(Fiber.interruptFork(fiber), sim.faultRandom.between(0, interruptMillisMax))
        )
      }
    }
    // Users add the fibers that they fork themselves while this loop runs.
    for (const fiber of fibers) {
      const exit = yield* Fiber.await(fiber)
      if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
        sim.fail(`user died: ${Cause.pretty(exit.cause)}`)
      }
    }
    yield* Fiber.interrupt(evictor)
    checkAlways(sim, pools)
    checkAtRest(sim, pools, network)
  })

interface UserContext {
  readonly user: number
  readonly inUse: Map<Socket, number>
  readonly fibers: Array<Fiber.RuntimeFiber<void>>
}

const runUser = (
  sim: Sim,
  pool: KeyedPool,
  { fibers, inUse, user }: UserContext
): Effect.Effect<void> => {
  const holdMillis = sim.workRandom.between(0, holdMillisMax)
  const hold = holdMillis === 0 ? Effect.yieldNow() : Effect.sleep(holdMillis)
  const releasedTwice = sim.workRandom.chance(releasedTwiceProbability)
  // The count of users sits in one mask, or an interrupt between its two halves would fail the run by itself.
  const body = (lease: Lease): Effect.Effect<void> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const { socket } = lease
        const holders = (inUse.get(socket) ?? 0) + 1
        inUse.set(socket, holders)
        if (socket.open && holders > 1) sim.fail(`shared connection: ${socket.key}/${socket.id} has ${holders} users`)
        sim.log(`user ${user} holds ${socket.key}/${socket.id}`)
        const leave = Effect.suspend(() => {
          inUse.set(socket, (inUse.get(socket) ?? 0) - 1)
          return releasedTwice
            ? Effect.map(Effect.forkDaemon(pool.release(lease)), (fiber) => fibers.push(fiber))
            : Effect.void
        })
        return Effect.ensuring(restore(hold), leave)
      })
    )
  return pool.use(body).pipe(
    Effect.delay(sim.workRandom.between(0, startMillisMax)),
    Effect.catchAll(() => Effect.void)
  )
}

const checkAlways = (sim: Sim, pools: ReadonlyArray<KeyedPool>): void => {
  for (const { active, connecting, key, max, permits, stats } of pools) {
    if (permits + active.size + connecting > max) {
      sim.fail(`permits above the limit: ${key} has ${permits} free, ${active.size} active, ${connecting} connecting`)
    }
    if (stats.total !== stats.active + stats.idle) {
      sim.fail(`torn stats: ${key} has ${stats.total} in total, ${stats.active} active, ${stats.idle} idle`)
    }
  }
}

const checkAtRest = (sim: Sim, pools: ReadonlyArray<KeyedPool>, network: Network): void => {
  for (const { active, connecting, key, max, permits, waiters } of pools) {
    if (permits !== max) sim.fail(`permits at rest: ${key} has ${permits} of ${max}`)
    const busy = active.size + connecting + waiters.length
    if (busy > 0) {
      sim.fail(`not at rest: ${key} has ${active.size} active, ${connecting} connecting, ${waiters.length} waiting`)
    }
  }
  const known = pools.reduce((sum, pool) => sum + pool.idle.length, 0)
  if (network.openNow !== known) sim.fail(`sockets at rest: ${network.openNow} open, ${known} known to the pool`)
}
