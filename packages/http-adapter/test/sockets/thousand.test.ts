/** A thousand requests at work at once, each on a connection of its own, and all of them cut at once. */
import type { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId, Stream } from "effect"
import { setImmediate } from "node:timers/promises"
import * as Descriptors from "../parts/descriptors.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { rig } from "../real/rig.ts"
import * as Remote from "./remote.ts"

const count = 1_000

/** What each of them is doing, and how it gets there. */
const stages: Record<
  string,
  (client: HttpClient.HttpClient, origin: string, there: () => void) => Effect.Effect<unknown, unknown>
> = {
  "waiting for the answer": (client, origin) => client.get(`${origin}/never`),
  "reading the body as a whole": (client, origin, there) =>
    Effect.flatMap(client.get(`${origin}/half/1000`), (response) => Effect.zipRight(Effect.sync(there), response.text)),
  "reading the body piece by piece": (client, origin, there) =>
    Effect.flatMap(
      client.get(`${origin}/half/1000`),
      (response) => Stream.runForEach(response.stream, () => Effect.sync(there))
    )
}

/** For those who read the output: nothing is asserted about it. */
// oxlint-disable-next-line no-console
const report = (line: string): void => console.log(line)

/** Not `until`, which looks too seldom for a measurement. */
const nextTurnUntil = (condition: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.zipRight(Effect.promise(() => setImmediate()), condition), { until: (holds) => holds })

describe.skipIf(!Descriptors.available)("a thousand requests", () => {
  for (const [name, request] of Object.entries(stages)) {
    it.scopedLive(
      `P6 P1 ${name}: interrupted all at once, every socket is closed and every permit back`,
      () =>
        Effect.gen(function*() {
          const remote = yield* Remote.start()
          const rigged = yield* rig({
            maxConnectionsPerHost: count,
            maxConnectingPerHost: count,
            // a look at a thousand connections in each of some thousand steps
            checkInvariants: false
          })
          const before = yield* Descriptors.sockets
          let there = 0
          const asking = yield* Effect.replicateEffect(
            Effect.fork(request(rigged.client, remote.origin, () => {
              there++
            })),
            count
          )
          const all = Effect.map(remote.counts, ({ open, pending }) => open === count && pending === count)
          yield* until(
            "they are there",
            Effect.map(all, (asked) => asked && (there === count || name.startsWith("waiting"))),
            60_000
          )
          assert.deepInclude(yield* rigged.pool.stats, { total: count, active: count })
          assert.strictEqual(yield* Descriptors.sockets, before + count)

          const start = performance.now()
          for (const fiber of asking) fiber.unsafeInterruptAsFork(FiberId.none)
          yield* nextTurnUntil(Effect.map(Descriptors.sockets, (sockets) => sockets === before))
          const closed = performance.now() - start
          yield* nextTurnUntil(Effect.map(rigged.pool.stats, ({ closing, total }) => total + closing === 0))
          const free = performance.now() - start
          report(
            `P6: 1,000 requests cut in ${Math.round(closed)} ms, their permits back in ${Math.round(free)} ms (${name})`
          )

          for (const exit of yield* Effect.forEach(asking, Fiber.await)) assert.isTrue(Exit.isInterrupted(exit))
          yield* remote.awaitOpen(0)
          // No measurement, but a hang would be noticed.
          assert.isBelow(free, 15_000)
          // Exact: as many again, and not one more.
          const again = yield* Effect.fork(
            Effect.replicateEffect(rigged.client.get(`${remote.origin}/never`), count + 10, {
              concurrency: "unbounded"
            })
          )
          const atWork = Effect.map(rigged.pool.stats, ({ active, waiting }) => active + waiting / 100)
          yield* untilEqual("active and waiting", atWork, count + 0.1, 60_000)
          yield* Descriptors.awaitSockets(before + count)
          yield* Fiber.interrupt(again)
          yield* Descriptors.awaitSockets(before)
        }),
      120_000
    )
  }
})
