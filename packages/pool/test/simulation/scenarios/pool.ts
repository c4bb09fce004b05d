import { Effect, Fiber } from "effect"
import * as ConnectionPool from "../../../src/ConnectionPool.ts"
import type { Options } from "../../../src/PoolConfig.ts"
import type { Scenario } from "../scenario.ts"
import type { Sim } from "../simulator.ts"
import { user } from "./poolUsers.ts"
import { type SimPool, watchPool } from "./poolWatch.ts"
import { simConnector } from "./simConnector.ts"
import { World } from "./world.ts"

const keys = ["a", "b", "c"]
const users = 12
const stormMillis = 600

/**
 * Longer than anything that the network still does to sockets that are gone. In small steps: a timer may fire early, and one
 * long sleep could end before a fiber that has long been ready.
 */
const rest = Effect.repeatN(Effect.sleep(100), 8)

/** Small limits and short periods, so that a run of a second and a half meets all of them. */
const options = (sim: Sim): Partial<Options> => {
  const random = sim.workRandom
  const maxConnectionsPerHost = random.between(1, 3)
  return {
    maxConnectionsPerHost,
    maxConnections: random.between(maxConnectionsPerHost, 6),
    maxConnectingPerHost: random.between(1, 3),
    maxWaitersPerHost: random.weighted([[4, () => 100], [1, () => random.between(0, 2)]]),
    keepDials: random.weighted([[2, () => true], [1, () => false]]),
    minIdle: random.weighted([[4, () => 0], [1, () => 1]]),
    maxUses: random.weighted([[3, () => Infinity], [1, () => random.between(1, 3)]]),
    acquireTimeout: random.between(50, 400),
    resolveTimeout: 100,
    connectTimeout: random.between(50, 300),
    closeTimeout: 100,
    raceDelay: 10,
    idleTimeout: random.between(20, 100),
    maxLifetime: random.between(50, 2000),
    healthCheckInterval: random.between(15, 50),
    healthCheckTimeout: 30,
    healthCheckConcurrency: random.between(1, 3),
    dnsRefreshInterval: random.between(20, 100),
    shutdownGrace: random.between(0, 200),
    leakThreshold: 20,
    breaker: { failures: random.between(2, 5), openFor: random.between(20, 200), probes: random.between(1, 2) }
  }
}

const storm = (during: (sim: Sim, pool: SimPool) => Effect.Effect<unknown>) => (sim: Sim) =>
  Effect.gen(function*() {
    const world = new World(sim, { capacityMax: sim.workRandom.pick([1, 1, 3]) ?? 1 })
    const config = options(sim)
    const pool = yield* ConnectionPool.make({ connector: simConnector(world), config })
    watchPool(sim, world, pool, { perHost: config.maxConnectionsPerHost ?? 0 })
    const fibers: Array<Fiber.RuntimeFiber<unknown>> = []
    for (let index = 0; index < users; index++) {
      const key = sim.workRandom.pick(keys) ?? "a"
      const fiber = yield* Effect.forkDaemon(user(sim, pool, `user ${index}`, key))
      fibers.push(fiber)
      sim.strike(fiber)
    }
    fibers.push(yield* Effect.forkDaemon(during(sim, pool)))
    yield* Effect.sleep(stormMillis)
    world.calm()
    for (const fiber of fibers) yield* Fiber.await(fiber)
    yield* recovered(sim, pool, config)
    yield* pool.shutdown
    yield* rest
    checkNothingLeft(sim, world)
  }).pipe(Effect.scoped)

/** S5: whatever happened, as many can borrow at once afterwards as the limit says. */
const recovered = (sim: Sim, pool: SimPool, config: Partial<Options>): Effect.Effect<void> =>
  Effect.gen(function*() {
    // Breakers have closed, hung closes were given up, refreshed addresses have come.
    yield* rest
    const { active, hosts, waiting } = yield* pool.stats
    if (active + waiting > 0) sim.fail(`S5: ${active} leases and ${waiting} waiters are left over`)
    for (const { host } of hosts) {
      const n = Math.min(config.maxConnectionsPerHost ?? 1, config.maxConnections ?? 1)
      let together = 0
      const borrow = pool.use(host, () => Effect.sync(() => void together++).pipe(Effect.zipRight(Effect.sleep(50))), {
        timeout: 2000
      })
      yield* Effect.all(Array.from({ length: n }, () => borrow), { concurrency: "unbounded", discard: true }).pipe(
        Effect.catchAll((error) => Effect.sync(() => sim.fail(`S5: no permit is left: ${JSON.stringify(error)}`)))
      )
      if (together !== n) sim.fail(`S5: ${together} of ${n} could borrow`)
    }
  })

/** P2, I8: no fiber, no timer, no socket. */
const checkNothingLeft = (sim: Sim, world: World): void => {
  for (const key of keys) {
    const { attempted, closed } = world.counts(key)
    if (closed !== attempted) sim.fail(`I8: of ${attempted} sockets of ${key}, ${closed} are closed`)
  }
  if (sim.fibersAlive > 0) sim.fail(`I8: ${sim.fibersAlive} fibers are left`)
  // An interrupted `Effect.sleep` keeps its timer if it has to yield between setting it and installing its canceler. Only a
  // forced yield comes there that often; without one, no timer may be left.
  if (sim.clock.pending > 0 && sim.forcedYields === 0) sim.fail(`I8: ${sim.clock.pending} timers are left`)
}

export const poolStorm: Scenario = { name: "pool/storm", program: storm(() => Effect.void) }

/** The pool is closed in the middle of it all, by several at once. */
export const poolShutdown: Scenario = {
  name: "pool/shutdown",
  program: (sim: Sim) =>
    Effect.gen(function*() {
      const world = new World(sim, { capacityMax: sim.workRandom.pick([1, 3]) ?? 1 })
      const config = options(sim)
      const pool = yield* ConnectionPool.make({ connector: simConnector(world), config })
      watchPool(sim, world, pool, { perHost: config.maxConnectionsPerHost ?? 0 })
      const fibers: Array<Fiber.RuntimeFiber<unknown>> = []
      for (let index = 0; index < users; index++) {
        const fiber = yield* Effect.forkDaemon(user(sim, pool, `user ${index}`, sim.workRandom.pick(keys) ?? "a"))
        fibers.push(fiber)
        sim.strike(fiber)
      }
      const enders: Array<Fiber.RuntimeFiber<unknown>> = []
      for (let index = 0; index < 3; index++) {
        const fiber = yield* Effect.forkDaemon(Effect.delay(pool.shutdown, sim.workRandom.between(0, 80)))
        enders.push(fiber)
        sim.strike(fiber)
      }
      const report = yield* Effect.delay(pool.shutdown, 80)
      sim.log(`shutdown: ${report.graceful} graceful, ${report.cut} cut, ${report.abandoned} abandoned`)
      for (const ender of enders) {
        const exit = yield* Fiber.await(ender)
        if (exit._tag === "Success" && exit.value !== report) sim.fail("P9: another report")
      }
      const late = yield* Effect.either(pool.use("a", () => Effect.void))
      if (late._tag === "Right" || late.left._tag !== "PoolClosed") sim.fail("P9: a closed pool still lends")
      world.calm()
      for (const fiber of fibers) yield* Fiber.await(fiber)
      yield* rest
      checkNothingLeft(sim, world)
    }).pipe(Effect.scoped)
}
