/** The stops of the tour: each one does something to the pool or its network and tells what came of it. */
import type { ConnectionPool } from "@watertight/pool"
import type { TestConnection, TestConnector, TestNetwork } from "@watertight/pool/testing"
import { Effect, Either, Fiber, Option } from "effect"

type Pool = ConnectionPool.ConnectionPool<string, TestConnection, TestConnector.Refused>

export interface Surroundings {
  readonly pool: Pool
  readonly network: TestNetwork
}

export interface Stop {
  readonly title: string
  readonly visit: (surroundings: Surroundings) => Effect.Effect<string, unknown>
}

/** Looks again and again until it is so: what the pool does in the background takes its time. */
const eventually = <A, E>(look: Effect.Effect<A, E>, isSo: (a: A) => boolean): Effect.Effect<A, E> =>
  Effect.repeat(Effect.delay(look, "20 millis"), { until: isSo })

const request = (pool: Pool, host: string, takes: number) => pool.use(host, () => Effect.sleep(takes))
const together = <A, E>(n: number, effect: Effect.Effect<A, E>) =>
  Effect.all(Array.from({ length: n }, () => effect), { concurrency: "unbounded" })

export const stops: ReadonlyArray<Stop> = [
  {
    title: "Twelve callers, four connections: the rest wait in line and reuse what comes back",
    visit: ({ network, pool }) =>
      Effect.gen(function*() {
        yield* together(12, request(pool, "users", 30))
        return `12 requests over ${yield* network.peakOpen("users")} connections`
      })
  },
  {
    title: "Twenty callers at once: the queue is bounded, and says so",
    visit: ({ pool }) =>
      Effect.gen(function*() {
        const answers = yield* together(20, Effect.either(request(pool, "users", 30)))
        const refused = answers.filter(Either.isLeft)
        const error = refused[0]?.left
        return `${answers.length - refused.length} served, ${refused.length} refused: ${error?.message ?? ""}`
      })
  },
  {
    title: "A caller is interrupted in the middle: its connection is closed, never reused",
    visit: ({ network, pool }) =>
      Effect.gen(function*() {
        const before = yield* network.closed
        const caller = yield* Effect.fork(request(pool, "users", 60_000))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(caller)
        yield* eventually(network.closed, (closed) => closed > before)
        return `${(yield* network.closed) - before} connection closed`
      })
  },
  {
    title: "A peer dies without a word: the health check finds out through that very connection",
    visit: ({ network, pool }) =>
      Effect.gen(function*() {
        const [victim] = yield* network.connections("users")
        if (victim !== undefined) yield* network.silence(victim)
        const unhealthy = Effect.map(
          pool.hostStats("users"),
          (stats) => Option.getOrThrow(stats).closedBy.unhealthy ?? 0
        )
        return `closed as unhealthy: ${yield* eventually(unhealthy, (closed) => closed > 0)}`
      })
  },
  {
    title: "The host moves to another address: idle connections to the old one go",
    visit: ({ network, pool }) =>
      Effect.gen(function*() {
        yield* network.setAddresses("users", ["10.0.0.9"])
        const next = pool.use("users", (lease) => Effect.succeed(lease.address))
        return `the next request goes to ${yield* eventually(next, (address) => address === "10.0.0.9")}`
      })
  },
  {
    title: "Another host does not answer: its callers time out, the others do not notice",
    visit: ({ network, pool }) =>
      Effect.gen(function*() {
        yield* network.hangOpen("dead", true)
        const dead = yield* Effect.fork(Effect.flip(request(pool, "dead", 1)))
        yield* together(4, request(pool, "users", 5))
        const error = yield* Fiber.join(dead)
        return error.message
      })
  }
]
