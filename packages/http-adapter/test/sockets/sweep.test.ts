/** Thousands of requests that go wrong in every way there is, by a seed, and what is left of them: nothing. */
import { HttpBody, HttpClient, type HttpClientError, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Random, Scope, Stream } from "effect"
import * as Descriptors from "../parts/descriptors.ts"
import { untilEqual } from "../parts/waiting.ts"
import { hostOf, rig } from "../real/rig.ts"
import { awaitLevel, holdings } from "./holdings.ts"
import * as Remote from "./remote.ts"

const limit = 10
const times = 2_000

const paths = [
  "bytes/0",
  "bytes/10",
  "bytes/70000",
  "bytes/400000",
  "chunks/1000/2",
  "chunks/300000/2",
  "late/5/3",
  "count",
  "never",
  "unread",
  "half/0",
  "half/100",
  "half/200000",
  "broken/0",
  "broken/50000",
  "broken/200000",
  "early",
  "reset",
  "none"
]

/** Dies if there is none. */
const oneOf = <A>(all: ReadonlyArray<A>): Effect.Effect<A> => Effect.orDie(Random.choice(all))

const block = Buffer.alloc(30_000, "x")

const bodies = [
  HttpBody.empty,
  HttpBody.text("short"),
  HttpBody.uint8Array(Buffer.alloc(500_000, "x")),
  HttpBody.stream(Stream.make(block, block, block)),
  HttpBody.stream(Stream.concat(Stream.make(block), Stream.never)),
  HttpBody.stream(Stream.concat(Stream.make(block), Stream.fail("the body is broken")))
]

type Use = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<unknown, HttpClientError.HttpClientError, Scope.Scope>

/** What becomes of a response. */
const uses: ReadonlyArray<Use> = [
  (client, request) => Effect.flatMap(client.execute(request), (response) => response.text),
  (client, request) => Effect.flatMap(client.execute(request), (response) => Stream.runDrain(response.stream)),
  (client, request) =>
    Effect.flatMap(client.execute(request), (response) => Stream.runDrain(Stream.take(response.stream, 1))),
  (client, request) =>
    Effect.flatMap(client.execute(request), (response) => Stream.runForEach(response.stream, () => Effect.never)),
  // dropped unread, by various combinators
  (client, request) => client.execute(request),
  (client, request) => HttpClient.filterStatusOk(client).execute(request),
  (client, request) => HttpClient.withScope(client).execute(request),
  (client, request) => HttpClient.retry(client, { times: 1 }).execute(request),
  // not a race: Effect's own never ends when it is interrupted at certain steps, whatever it races
  (client, request) => Effect.all([client.execute(request), client.execute(request)], { concurrency: 2 }),
  (client, request) => Effect.zipRight(client.execute(request), Effect.never)
]

const methods = ["GET", "GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"] as const

const one = (client: HttpClient.HttpClient, origin: string) =>
  Effect.gen(function*() {
    const path = yield* oneOf(paths)
    const verb = yield* oneOf(methods)
    const body = verb === "GET" || verb === "HEAD" ? HttpBody.empty : yield* oneOf(bodies)
    const use = yield* oneOf(uses)
    const request = HttpClientRequest.setBody(HttpClientRequest.make(verb)(`${origin}/${path}`), body)
    const used = use(client, request)
    // without a scope of its own, what is dropped is nobody's until its time is over
    const program = (yield* oneOf([true, false])) ? Effect.scoped(used) : used
    const end = yield* oneOf(["turns", "millis", "timeout"])
    if (end === "timeout") {
      const millis = yield* Random.nextIntBetween(0, 30)
      return yield* Effect.exit(Effect.timeout(program, millis))
    }
    const asking = yield* Effect.fork(program)
    if (end === "turns") yield* Effect.repeatN(Effect.yieldNow(), yield* Random.nextIntBetween(0, 60))
    else yield* Effect.sleep(yield* Random.nextIntBetween(0, 20))
    return yield* Fiber.interrupt(asking)
  })

describe.skipIf(!Descriptors.available)("a sweep over all that can go wrong", () => {
  // How many steps a fiber goes at a time decides where others come between. With less than ten no fiber gets anywhere.
  for (const steps of [10, 11, 13, 37, 2_048]) {
    it.scopedLive(
      `S5 P2 P6 after ${times / 5} requests, in turns of ${steps} steps, the permits are exact, and nothing is left`,
      () =>
        Effect.gen(function*() {
          const remote = yield* Remote.start()
          const before = yield* holdings
          const scope = yield* Scope.make()
          yield* Effect.gen(function*() {
            const rigged = yield* Scope.extend(
              rig({
                maxConnectionsPerHost: limit,
                unreadTimeout: "50 millis",
                drainTimeout: "50 millis",
                // so many failures in a row are no reason to give up here
                breaker: { failures: Infinity }
              }),
              scope
            )
            const { client, pool } = rigged
            yield* Effect.replicateEffect(one(client, remote.origin), times / 5, { concurrency: 25, discard: true })
            // What was dropped unread is closed in its own time.
            const held = Effect.map(pool.stats, (all) => all.active + all.connecting + all.closing + all.waiting)
            yield* untilEqual("connections held", held, 0)
            const { idle, limit: allowed } = yield* hostOf(rigged, remote.origin)
            assert.isAtMost(idle, allowed)
            yield* Descriptors.awaitSockets(before.sockets + idle)
            yield* remote.readOn
            yield* remote.awaitOpen(idle)
            // Exact: as many at once as ever, and not one more.
            const asking = yield* Effect.fork(
              Effect.replicateEffect(client.get(`${remote.origin}/never`), limit + 5, { concurrency: "unbounded" })
            )
            const atWork = Effect.map(pool.stats, ({ active, waiting }) => active * 100 + waiting)
            yield* untilEqual("active and waiting", atWork, limit * 100 + 5)
            yield* Descriptors.awaitSockets(before.sockets + limit)
            yield* Fiber.interrupt(asking)
            yield* untilEqual("connections held", held, 0)
          }).pipe(Effect.withMaxOpsBeforeYield(steps), Effect.withRandom(Random.make(`sweep ${steps}`)))
          yield* Scope.close(scope, Exit.void)
          yield* remote.awaitOpen(0)
          yield* awaitLevel(before)
        }),
      60_000
    )
  }
})
