import { Effect, Fiber } from "effect"
import type { Scenario } from "../scenario.ts"
import type { Sim } from "../simulator.ts"
import { simConnector } from "./simConnector.ts"
import { World } from "./world.ts"

const keys = ["a", "b"]
const users = 10

/**
 * The faulty network without any pool: each user opens, checks and closes a connection of its own. What holds here holds
 * of the network, so that a failure beside a pool is the pool's.
 */
const program = (sim: Sim): Effect.Effect<void> =>
  Effect.gen(function*() {
    const world = new World(sim, { capacityMax: 4 })
    sim.onStep(() => checkBooks(sim, world))
    const fibers: Array<Fiber.RuntimeFiber<void>> = []
    for (let user = 0; user < users; user++) {
      const fiber = yield* Effect.forkDaemon(runUser(sim, world))
      fibers.push(fiber)
      sim.strike(fiber)
    }
    yield* Effect.sleep("2 seconds")
    world.calm()
    for (const fiber of fibers) yield* Fiber.await(fiber)
    for (const key of keys) {
      const { attempted, closed } = world.counts(key)
      if (closed !== attempted) sim.fail(`sockets at rest: of ${attempted} sockets of ${key}, ${closed} are closed`)
    }
  })

const runUser = (sim: Sim, world: World): Effect.Effect<void> => {
  const connector = simConnector(world)
  const key = sim.workRandom.pick(keys) ?? "a"
  const holdMillis = sim.workRandom.between(0, 100)
  return connector.resolve(key).pipe(
    Effect.flatMap(({ addresses }) => connector.open(key, addresses[0] ?? "none", () => {})),
    Effect.tap((connection) => connector.check(connection)),
    Effect.zipLeft(Effect.sleep(holdMillis)),
    Effect.scoped,
    Effect.delay(sim.workRandom.between(0, 50)),
    Effect.ignore
  )
}

const checkBooks = (sim: Sim, world: World): void => {
  for (const key of keys) {
    const { attempted, closed, closingNow, connectingNow, openNow } = world.counts(key)
    if (attempted !== closed + closingNow + connectingNow + openNow) sim.fail(`the books of ${key} do not add up`)
  }
}

export const direct: Scenario = { name: "network/direct", program }
