import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random, Schema } from "effect"
import { Protocol, StdioServer } from "../../src/index.ts"
import { marked, now, until } from "../support/census.ts"
import { held } from "../support/memory.ts"
import { onPool, own, quick } from "../support/real.ts"

const settled = { endGrace: "200 millis", termGrace: "300 millis" } as const
const plain = { ...settled, protocol: Protocol.jsonRpc({ ping: "ping" }) }

describe("many processes", () => {
  it.live(
    "S5 P1: bursts of 10,000 requests, processes killed at random: permits exact, nobody left, memory flat",
    () =>
      onPool({
        ...plain,
        checkInvariants: false,
        maxConnectionsPerHost: 4,
        maxWaitersPerHost: Infinity,
        capacity: 16,
        breaker: { failures: Infinity }
      }, (pool, mark) =>
        Effect.gen(function*() {
          const server = quick(mark)
          let most = 0
          const killer = yield* Effect.fork(Effect.forever(Effect.gen(function*() {
            const pids = marked(mark)
            most = Math.max(most, pids.length)
            const victim = pids[yield* Random.nextIntBetween(0, Math.max(1, pids.length))]
            if (victim !== undefined) {
              try {
                process.kill(victim, "SIGKILL")
              } catch {
                // it has gone by itself
              }
            }
            yield* Effect.sleep(`${yield* Random.nextIntBetween(20, 80)} millis`)
          })))
          const outcomes: Record<string, number> = {}
          const heap: Array<number> = []
          for (let burst = 0; burst < 10; burst++) {
            yield* Effect.forEach(
              Array.from({ length: 1_000 }),
              () =>
                Effect.map(Effect.either(pool.request(server, "any", { burst })), (answer) => {
                  const what = answer._tag === "Right" ? "answered" : answer.left._tag
                  outcomes[what] = (outcomes[what] ?? 0) + 1
                }),
              { concurrency: "unbounded", discard: true }
            )
            heap.push(held())
          }
          yield* Fiber.interrupt(killer)
          yield* until(() => "rest", () => {
            const { active, closing, connecting } = now(pool.stats)
            return active + closing + connecting === 0
          })
          // what was killed last is about to be noticed
          yield* until(() => "the truth", () => marked(mark).length === now(pool.stats).total)
          const { hosts: [host], waiting } = yield* pool.stats
          assert.strictEqual(waiting, 0)
          assert.isAtMost(most, 4)
          assert.strictEqual((host?.opened ?? 0) - (host?.closed ?? 0), host?.total)
          assert.strictEqual(Object.values(outcomes).reduce((sum, count) => sum + count), 10_000)
          // whoever was not asked was asked again
          assert.includeMembers(["answered", "ProcessLost", "HandshakeFailed"], Object.keys(outcomes))
          assert.isAbove(outcomes["answered"] ?? 0, 5_000)
          assert.isBelow((heap.at(-1) ?? 0) - (heap[1] ?? 0), 16 * 1024 * 1024)
          // all permits are there: as many processes as may be can be had at once
          const all = Array.from({ length: 4 }, () => pool.session(StdioServer.exclusive(server)))
          assert.strictEqual((yield* Effect.scoped(Effect.all(all, { concurrency: "unbounded" }))).length, 4)
        })),
    120_000
  )

  it.live("P1: no more of them than the limit, starting and ending ones included", () =>
    onPool({ ...plain, maxConnectionsPerHost: 3, capacity: 1, maxUses: 2 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = quick(mark)
        let most = 0
        const watch = yield* Effect.fork(Effect.forever(Effect.zipRight(
          Effect.sync(() => {
            most = Math.max(most, marked(mark).length)
          }),
          Effect.sleep("1 millis")
        )))
        yield* Effect.forEach(Array.from({ length: 60 }), () => pool.request(server, "any"), { concurrency: 30 })
        yield* Fiber.interrupt(watch)
        assert.isAtMost(most, 3)
      })))

  it.live("two environments never share a process", () =>
    onPool({ ...settled, protocol: Protocol.jsonRpc() }, (pool, mark) =>
      Effect.gen(function*() {
        const ask = (secret: string) => {
          const server = StdioServer.make({
            command: "/bin/sh",
            args: ["-c", "while read -r line; do echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"'$SECRET'\"}'; done"],
            env: { SECRET: secret, WATERTIGHT_TEST_MARK: mark }
          })
          return pool.requestWith(Schema.String)(server, "any")
        }
        assert.deepStrictEqual(yield* Effect.all([ask("one"), ask("two")]), ["one", "two"])
      })))

  it.live("P9: a pool that is closed under load ends every process and every request", () =>
    onPool(
      { ...settled, maxConnectionsPerHost: 2, shutdownGrace: "100 millis" },
      (pool, mark) =>
        Effect.gen(function*() {
          const server = own(mark)
          yield* pool.ready(server)
          const fibers = yield* Effect.forEach(
            Array.from({ length: 100 }),
            () => Effect.fork(Effect.either(pool.request(server, "never")))
          )
          yield* Effect.yieldNow()
          const { abandoned } = yield* pool.shutdown
          assert.strictEqual(abandoned, 0)
          for (const fiber of fibers) {
            const answer = yield* fiber
            assert.isTrue(answer._tag === "Left" && ["ProcessLost", "PoolClosed"].includes(answer.left._tag))
          }
          assert.deepStrictEqual(marked(mark), [])
        })
    ))
})
