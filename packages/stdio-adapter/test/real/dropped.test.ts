import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Random } from "effect"
import { Protocol } from "../../src/index.ts"
import { marked, now, until } from "../support/census.ts"
import { onPool, quick } from "../support/real.ts"

const plain = { endGrace: "200 millis", termGrace: "300 millis", protocol: Protocol.jsonRpc({ ping: "ping" }) } as const

describe("many processes", () => {
  it.live(
    "S5: 1,000 processes opened and dropped at any stage leave nothing",
    () =>
      onPool({
        ...plain,
        maxConnectionsPerHost: 8,
        maxWaitersPerHost: Infinity,
        keepDials: false,
        breaker: { failures: Infinity }
      }, (pool, mark) =>
        Effect.gen(function*() {
          const server = quick(mark)
          const one = Effect.gen(function*() {
            const session = Effect.scoped(Effect.flatMap(pool.session(server), (process) => process.request("any")))
            const patience = yield* Random.nextIntBetween(0, 20)
            return yield* Effect.exit(Effect.timeoutOption(session, patience))
          })
          const exits = yield* Effect.forEach(Array.from({ length: 1_000 }), () => one, { concurrency: 16 })
          assert.isTrue(exits.every(Exit.isSuccess))
          yield* until(() => "rest", () => {
            const { closing, connecting, total } = now(pool.stats)
            return closing + connecting + total === 0
          })
          assert.deepStrictEqual(marked(mark), [])
        })),
    120_000
  )
})
