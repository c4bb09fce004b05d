import { HttpClient, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { rig, users } from "./testHttpRig.ts"

/** Tells in which trace the application runs. */
const traced = Effect.map(
  Effect.orDie(Effect.currentSpan),
  ({ name, parent, traceId }) => HttpServerResponse.unsafeJson({ name, root: Option.isNone(parent), traceId })
)

describe("the span of an application", () => {
  it.scoped("belongs to its request, and not to who built the pool", () =>
    Effect.gen(function*() {
      const { client } = yield* Effect.withSpan(rig({ [users]: traced }), "building")
      const ask = Effect.flatMap(client.get(users), (response) => response.json)
      const caller = yield* Effect.flatMap(Effect.orDie(Effect.currentSpan), ({ traceId }) =>
        Effect.map(ask, (seen) => ({ seen, traceId }))).pipe(Effect.withSpan("caller"))
      assert.deepStrictEqual(caller.seen, { name: "http.server GET", root: false, traceId: caller.traceId })
      const alone = HttpClient.withTracerPropagation(client, false)
      const unknown = yield* Effect.withSpan(
        Effect.flatMap(alone.get(users), (response) =>
          response.json),
        "caller"
      )
      assert.deepInclude(unknown, { name: "http.server GET", root: true })
    }))
})
