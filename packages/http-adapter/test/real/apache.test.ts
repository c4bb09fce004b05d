import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Apache from "../parts/apache.ts"
import { lacks } from "../parts/programs.ts"
import { indexText } from "../parts/site.ts"
import { pause, untilEqual } from "../parts/waiting.ts"
import { connectionsOf, hostOf, rig, textOf } from "./rig.ts"

describe.skipIf(lacks("apache2"))("Apache", () => {
  it.scopedLive("P4 its `Keep-Alive: timeout` is kept to: the pool closes an idle connection before Apache does", () =>
    Effect.gen(function*() {
      const apache = yield* Apache.start({ keepAliveTimeout: 5 })
      // So much earlier that a slow machine cannot turn it round.
      const rigged = yield* rig({ keepAliveSkew: "4 seconds" })
      const response = yield* rigged.client.get(`${apache.origin}/`)
      assert.strictEqual(response.headers["keep-alive"], "timeout=5")
      assert.strictEqual(yield* response.text, indexText)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      assert.deepStrictEqual((yield* hostOf(rigged, apache.origin)).closedBy, { aged: 1 })
    }))

  it.scopedLive("P4 each response moves that time on: a connection in use outlives it", () =>
    Effect.gen(function*() {
      const apache = yield* Apache.start({ keepAliveTimeout: 3 })
      const rigged = yield* rig({ keepAliveSkew: "2 seconds" })
      const started = performance.now()
      let requests = 0
      while (performance.now() - started < 4_000) {
        yield* textOf(rigged, `${apache.origin}/`)
        requests++
        yield* pause(50)
      }
      // One for every second would be 4 or 5; a machine that stood still may have cost one.
      assert.isAtMost((yield* hostOf(rigged, apache.origin)).opened, 2)
      assert.isAbove(requests, 2)
    }))

  it.scopedLive("P7 where a connection may carry 3 requests more it carries 4, and no request fails", () =>
    Effect.gen(function*() {
      const apache = yield* Apache.start({ maxKeepAliveRequests: 3 })
      const rigged = yield* rig({ maxConnectionsPerHost: 4 })
      yield* Effect.replicateEffect(textOf(rigged, `${apache.origin}/`), 12)
      assert.strictEqual((yield* hostOf(rigged, apache.origin)).opened, 3)
      yield* Effect.all(Array.from({ length: 200 }, () => textOf(rigged, `${apache.origin}/`)), { concurrency: 12 })
      const { acquired, active, opened, reused } = yield* hostOf(rigged, apache.origin)
      assert.strictEqual(active, 0)
      assert.isAtLeast(opened, 212 / 4)
      // A connection whose caller had got another one meanwhile is opened and not lent, or lent as used already.
      assert.isAtMost(acquired - reused, opened)
    }))
})
