/** What is left of many streams, and of sessions that end: nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Descriptors from "../parts/descriptors.ts"
import { until } from "../parts/waiting.ts"
import { awaitLevel, holdings } from "../sockets/holdings.ts"
import { echo, http2, quiet, serve } from "./rig.ts"

const heap = Effect.sync(() => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
})

describe.skipIf(!Descriptors.available)("after 10,000 streams on one session", () => {
  it.scopedLive(
    "P9: neither sockets nor fibers nor timers nor listeners nor memory are left",
    () =>
      Effect.gen(function*() {
        const site = yield* serve((stream, headers) => {
          // every tenth is left to be cancelled
          if (String(headers[":path"]).endsWith("0")) stream.respond({ ":status": 200 })
          else echo(stream, headers)
        })
        const scope = yield* Scope.make()
        const before = yield* holdings
        const ours = yield* Scope.extend(http2({ checkInvariants: false }), scope)
        const round = (from: number) =>
          Effect.forEach(Array.from({ length: 1_000 }, (_, n) => from + n), (n) => {
            const text = Effect.flatMap(ours.client.get(`${site.url}/${n}`), (response) => response.text)
            return Effect.asVoid(n % 10 === 0 ? Effect.timeoutOption(text, "5 millis") : Effect.asSome(text))
          }, { concurrency: 50, discard: true })
        yield* round(0)
        yield* quiet(ours, 1)
        const fibers = (yield* holdings).fibers
        const [session] = site.sessions
        const early = yield* heap
        for (let n = 1; n < 10; n++) yield* round(n * 1_000)
        yield* quiet(ours, 1)
        yield* site.awaitStreams(0)
        assert.strictEqual(site.sessions.length, 1)
        // some were given up before they had one
        assert.isAbove(site.codes.length, 9_000)
        yield* until("the fibers are gone", Effect.map(holdings, (now) => now.fibers <= fibers))
        if (globalThis.gc !== undefined) assert.isBelow((yield* heap) - early, 4_000_000)
        assert.isFalse(session?.destroyed)
        yield* Scope.close(scope, Exit.void)
        yield* site.awaitOpen(0)
        yield* awaitLevel(before)
      }),
    60_000
  )
})

describe.skipIf(!Descriptors.available)("a pool with sessions that ends", () => {
  it.scopedLive("P2 P9: says so to its peers, and leaves nothing, whatever is under way", () =>
    Effect.gen(function*() {
      const site = yield* serve((stream, headers) => {
        if (headers[":path"] === "/idle") echo(stream, headers)
      })
      const before = yield* holdings
      const scope = yield* Scope.make()
      const ours = yield* Scope.extend(http2({ shutdownGrace: "20 millis" }), scope)
      yield* ours.client.get(`${site.url}/idle`)
      yield* quiet(ours, 1)
      let goaways = 0
      site.sessions[0]?.on("goaway", () => goaways++)
      const asking = yield* Effect.fork(
        Effect.exit(Effect.replicateEffect(ours.client.get(`${site.url}/never`), 20, { concurrency: 20 }))
      )
      yield* site.awaitStreams(20)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* asking))
      yield* site.awaitOpen(0)
      yield* awaitLevel(before)
      assert.strictEqual(goaways, 1)
    }))
})
