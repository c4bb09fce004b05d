/** A thousand requests at once, each on a socket of its own, and all of them cut at once. */
import type { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberId, type Scope, Stream } from "effect"
import * as Fs from "node:fs"
import { setImmediate } from "node:timers/promises"
import * as Descriptors from "../parts/descriptors.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { rig } from "../real/rig.ts"
import { fill } from "./backlog.ts"
import * as Remote from "./remote.ts"

const count = 1_000

/** What they talk to. */
interface Server {
  readonly origin: string
  /** whether it has all requests that it will ever get */
  readonly asked: Effect.Effect<boolean>
  /** waits until it has seen all of them go */
  readonly gone: Effect.Effect<void>
}

const serving = Effect.map(Remote.start(), (remote): Server => ({
  origin: remote.origin,
  asked: Effect.map(remote.counts, ({ pending }) => pending === count),
  gone: remote.awaitOpen(0)
}))

// The kernel accepts for it, and nobody answers.
const stopped = Effect.gen(function*() {
  const remote = yield* Remote.start()
  yield* remote.stop
  const server: Server = {
    origin: `https://127.0.0.1:${remote.port}`,
    asked: Effect.succeed(true),
    gone: Effect.zipRight(remote.goOn, remote.awaitOpen(0))
  }
  return server
})

const unreachable = Effect.map(fill, (port): Server => ({
  origin: `http://127.0.0.1:${port}`,
  asked: Effect.succeed(true),
  gone: Effect.void
}))

interface Stage {
  readonly start: Effect.Effect<Server, never, Scope.Scope>
  readonly at: "active" | "connecting"
  readonly request: (
    client: HttpClient.HttpClient,
    origin: string,
    there: Effect.Effect<void>
  ) => Effect.Effect<unknown, unknown>
}

const never: Stage["request"] = (client, origin, there) => Effect.zipRight(there, client.get(`${origin}/never`))

const stages: Record<string, Stage> = {
  "connecting": { start: unreachable, at: "connecting", request: never },
  "in the TLS handshake": { start: stopped, at: "connecting", request: never },
  "waiting for the answer": { start: serving, at: "active", request: never },
  "reading the body as a whole": {
    start: serving,
    at: "active",
    request: (client, origin, there) =>
      Effect.flatMap(client.get(`${origin}/half/1000`), (response) => Effect.zipRight(there, response.text))
  },
  "reading the body piece by piece": {
    start: serving,
    at: "active",
    request: (client, origin, there) =>
      Effect.flatMap(client.get(`${origin}/half/1000`), (response) => Stream.runForEach(response.stream, () => there))
  }
}

/** For those who read the output: a measurement of a machine that others use as well, of which nothing is asserted. */
// oxlint-disable-next-line no-console
const report = (line: string): void => console.log(line)

/** Of any kind: not to look at each of them is what makes it quick. */
const descriptors = (): number => Fs.readdirSync("/proc/self/fd").length

/** Not `until`, which looks too seldom for a measurement. */
const nextTurnUntil = (condition: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.zipRight(Effect.promise(() => setImmediate()), condition), { until: (holds) => holds })

const cut = (name: string, { at, request, start }: Stage) =>
  Effect.gen(function*() {
    const server = yield* start
    const { client, pool } = yield* rig({
      maxConnectionsPerHost: count,
      maxConnectingPerHost: count,
      connectTimeout: "1 hour",
      // else there is one dial until it is known whether one connection serves all
      http2: "never",
      // a look at a thousand connections in each of some thousand steps
      checkInvariants: false
    })
    const before = yield* Descriptors.sockets
    let there = 0
    const mark = Effect.sync(() => void there++)
    const asking = yield* Effect.replicateEffect(Effect.fork(request(client, server.origin, mark)), count)
    const reached = Effect.map(
      Effect.all([server.asked, pool.stats, Descriptors.sockets]),
      ([asked, stats, sockets]) => asked && there >= count && stats[at] === count && sockets === before + count
    )
    yield* until("they are there", reached, 60_000)

    const held = descriptors()
    const startedAt = performance.now()
    const cpuBefore = process.cpuUsage()
    for (const fiber of asking) fiber.unsafeInterruptAsFork(FiberId.none)
    yield* nextTurnUntil(Effect.sync(() => descriptors() <= held - count))
    const closed = Math.round(performance.now() - startedAt)
    const { system, user } = process.cpuUsage(cpuBefore)
    yield* nextTurnUntil(Effect.map(pool.stats, ({ closing, connecting, total }) => total + connecting + closing === 0))
    const free = Math.round(performance.now() - startedAt)
    const cpu = Math.round((user + system) / 1_000)
    report(`P6: 1,000 requests cut in ${closed} ms (${cpu} ms of CPU), their permits back in ${free} ms: ${name}`)
    yield* Descriptors.awaitSockets(before)

    for (const exit of yield* Effect.forEach(asking, Fiber.await)) assert.isTrue(Exit.isInterrupted(exit))
    // A hang would be noticed.
    assert.isBelow(free, 15_000)
    // Exact: as many again, and not one more.
    const again = yield* Effect.fork(
      Effect.replicateEffect(client.get(`${server.origin}/never`), count + 10, { concurrency: "unbounded" })
    )
    const atWork = Effect.map(pool.stats, (stats) => stats[at] + stats.waiting / 100)
    yield* untilEqual("at work and waiting", atWork, count + 0.1, 60_000)
    yield* untilEqual("sockets", Descriptors.sockets, before + count, 60_000)
    yield* Fiber.interrupt(again)
    yield* Descriptors.awaitSockets(before)
    yield* server.gone
  })

describe.skipIf(!Descriptors.available)("a thousand requests", () => {
  for (const [name, stage] of Object.entries(stages)) {
    it.scopedLive(
      `P6 P1 ${name}: interrupted all at once, every socket is closed and every permit back`,
      () => cut(name, stage),
      180_000
    )
  }
})
