import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Lighttpd from "../parts/lighttpd.ts"
import { lacks } from "../parts/programs.ts"
import { hashOf, indexText } from "../parts/site.ts"
import { untilEqual } from "../parts/waiting.ts"
import { connectionsOf, hostOf, rig, textOf } from "./rig.ts"

describe.skipIf(lacks("lighttpd"))("lighttpd", () => {
  it.scopedLive("P7 where a connection may carry 3 requests more it carries 4, and no request fails", () =>
    Effect.gen(function*() {
      const lighttpd = yield* Lighttpd.start({ maxKeepAliveRequests: 3 })
      const rigged = yield* rig({ maxConnectionsPerHost: 4 })
      yield* Effect.replicateEffect(textOf(rigged, `${lighttpd.origin}/`), 12)
      assert.strictEqual((yield* hostOf(rigged, lighttpd.origin)).opened, 3)
      const answers = yield* Effect.all(
        Array.from({ length: 200 }, () => textOf(rigged, `${lighttpd.origin}/`)),
        { concurrency: 12 }
      )
      assert.deepStrictEqual(new Set(answers), new Set([indexText]))
      const { acquired, active, opened, reused } = yield* hostOf(rigged, lighttpd.origin)
      assert.strictEqual(active, 0)
      assert.isAtLeast(opened, 212 / 4)
      assert.isAtMost(acquired - reused, opened)
    }))

  it.scopedLive("P3 a connection that lighttpd closes for its idleness is gone, and the next request does not notice", () =>
    Effect.gen(function*() {
      const lighttpd = yield* Lighttpd.start({ maxKeepAliveIdle: 1 })
      const rigged = yield* rig()
      yield* textOf(rigged, `${lighttpd.origin}/`)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      yield* textOf(rigged, `${lighttpd.origin}/`)
      assert.deepInclude(yield* hostOf(rigged, lighttpd.origin), { opened: 2, reused: 0, closedBy: { peer: 1 } })
    }))

  it.scopedLive("a body of some megabytes comes whole", () =>
    Effect.gen(function*() {
      const lighttpd = yield* Lighttpd.start()
      const rigged = yield* rig()
      const response = yield* rigged.client.get(`${lighttpd.origin}/big`)
      assert.strictEqual(response.headers["content-length"], String(lighttpd.site.bigBytes))
      assert.strictEqual(hashOf(new Uint8Array(yield* response.arrayBuffer)), lighttpd.site.bigHash)
      assert.strictEqual((yield* rigged.pool.stats).idle, 1)
    }))
})
