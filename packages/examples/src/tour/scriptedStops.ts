/** The stops over the scripted network: what cannot be had from a real one on demand. */
import type { ConnectionPool } from "@watertight/pool"
import type { TestConnection, TestConnector, TestNetwork } from "@watertight/pool/testing"
import { Effect, Either, Fiber, Option } from "effect"
import { eventually } from "../eventually.ts"
import { type Stop, together } from "./part.ts"

type Pool = ConnectionPool.ConnectionPool<string, TestConnection, TestConnector.Refused>

interface Surroundings {
  readonly pool: Pool
  readonly network: TestNetwork
}

const request = (pool: Pool, host: string, takes: number) => pool.use(host, () => Effect.sleep(takes))

export const scriptedStops: ReadonlyArray<Stop<Surroundings>> = [
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
