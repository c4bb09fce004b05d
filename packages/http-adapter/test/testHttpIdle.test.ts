import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { counted, open, rig, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")

describe("idle connections", () => {
  it.scoped("P4 are closed after the idle timeout, and not before; P7 every snapshot adds up", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { idleTimeout: "60 seconds" })
      yield* open(made, 3)
      assert.deepStrictEqual(yield* counted(made), { total: 3, active: 0, idle: 3 })
      yield* TestClock.adjust("30 seconds")
      yield* made.client.get(users)
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 3, active: 0, idle: 3 })
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      assert.deepStrictEqual((yield* made.stats()).closedBy, { idle: 2 })
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* counted(made), { total: 0, active: 0, idle: 0 })
      assert.strictEqual(yield* made.servers.openNow(users), 0)
    }))

  it.scoped("are closed before the server does it, if that says how long it keeps them", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app })
      yield* made.servers.keepAlive(users, "5 seconds")
      const response = yield* made.client.get(users)
      assert.strictEqual(response.headers["keep-alive"], "timeout=5")
      yield* TestClock.adjust("3 seconds")
      yield* made.client.get(users)
      yield* TestClock.adjust("3999 millis")
      assert.strictEqual(yield* made.servers.openNow(users), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* made.servers.openNow(users), 0)
      assert.deepInclude((yield* made.stats()).closedBy, { aged: 1 })
      assert.strictEqual(yield* made.servers.opened(users), 1)
    }))

  it.scoped("P3 that the server closes are gone at once, and never lent again", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app })
      yield* made.servers.keepAlive(users, "5 seconds", false)
      const response = yield* made.client.get(users)
      assert.isUndefined(response.headers["keep-alive"])
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 0, active: 0, idle: 0 })
      assert.deepInclude((yield* made.stats()).closedBy, { peer: 1 })
      assert.strictEqual((yield* made.client.get(users)).status, 200)
      const connections = (yield* made.servers.requests(users)).map(({ connection }) => connection)
      assert.deepStrictEqual(connections, [1, 2])
    }))

  it.scoped("a server that waits for the next request does not close one at work", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.keepAlive(users, "5 seconds", false)
      yield* client.get(users)
      yield* servers.delay(users, "10 seconds")
      const fiber = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }))
})
