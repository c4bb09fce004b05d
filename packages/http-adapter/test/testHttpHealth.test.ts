import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { counted, open, rig, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")

describe("health checks", () => {
  const onlyChecks = { idleTimeout: "1 hour", dnsRefreshInterval: Infinity } as const

  it.scoped("P3 go to the application, through the connections themselves, when they have been idle", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const watched = Effect.map(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
        asked.push(`${method} ${url}`)
        return HttpServerResponse.empty({ status: 404 })
      })
      const made = yield* rig({ [users]: watched }, { ...onlyChecks, healthCheckPath: "/alive" })
      yield* made.client.get(`${users}/1`)
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast(yield* made.servers.checks(users), 3)
      assert.strictEqual((yield* made.servers.requests(users)).length, 1)
      assert.deepStrictEqual([...new Set(asked)], ["GET /1", "HEAD /alive"])
      // any well-formed answer will do
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      assert.strictEqual(yield* made.servers.opened(users), 1)
    }))

  // The checks come every 10 seconds and take up to 5. A connection that was used since the last round is asked in the next one.
  for (const [used, gone] of [[0, 15], [1, 24], [9, 16]] as const) {
    it.scoped(`P3 a stopped host's idle connections, used ${used} s after a check, are gone ${gone} s later for good`, () =>
      Effect.gen(function*() {
        const made = yield* rig({ [users]: app }, onlyChecks)
        yield* open(made, 3)
        yield* TestClock.adjust(`${used} seconds`)
        yield* open(made, 3)
        yield* made.servers.hang(users, true)
        yield* TestClock.adjust(`${gone * 1000 - 1} millis`)
        assert.strictEqual((yield* counted(made)).total, 3)
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* counted(made), { total: 0, active: 0, idle: 0 })
        assert.deepStrictEqual((yield* made.stats()).closedBy, { unhealthy: 3 })
        assert.strictEqual(yield* made.servers.openNow(users), 0)
        yield* made.servers.hang(users, false)
        yield* made.client.get(users)
        assert.strictEqual((yield* made.servers.requests(users)).at(-1)?.connection, 4)
      }))
  }

  it.scoped("P3 socketOnly believes a stopped host", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { ...onlyChecks, healthCheck: "socketOnly" })
      yield* open(made, 2)
      yield* made.servers.hang(users, true)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* made.servers.checks(users), 0)
      assert.deepStrictEqual(yield* counted(made), { total: 2, active: 0, idle: 2 })
      yield* made.servers.hang(users, false)
    }))

  it.scoped("P10 at most 10 run at once, however many connections there are", () =>
    Effect.gen(function*() {
      let now = 0
      let peak = 0
      const slow = Effect.acquireUseRelease(
        Effect.sync(() => peak = Math.max(peak, ++now)),
        () => Effect.as(Effect.sleep("100 millis"), HttpServerResponse.empty()),
        () => Effect.sync(() => now--)
      )
      const isCheck = Effect.map(HttpServerRequest.HttpServerRequest, ({ method }) => method === "HEAD")
      const made = yield* rig({ [users]: Effect.if(isCheck, { onTrue: () => slow, onFalse: () => app }) }, onlyChecks)
      yield* open(made, 35)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(peak, 10)
      assert.isAtLeast(yield* made.servers.checks(users), 35)
      assert.deepStrictEqual(yield* counted(made), { total: 35, active: 0, idle: 35 })
    }))
})
