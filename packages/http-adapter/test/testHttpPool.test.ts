import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, TestClock } from "effect"
import { causeOf, counted, failureOf, isUnderWay, open, rig, settle, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")

describe("addresses", () => {
  it.scoped("P5 connections to a departed address go: idle ones at once, busy ones after use", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const waiting = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => url === "/wait")
      const made = yield* rig({
        [users]: Effect.zipRight(
          Effect.if(waiting, { onTrue: () => Deferred.await(go), onFalse: () => Effect.void }),
          app
        )
      }, { idleTimeout: "1 hour" })
      const { client, servers, stats } = made
      yield* open(made, 2)
      const busy = yield* Effect.fork(client.get(`${users}/wait`))
      yield* settle
      assert.deepStrictEqual(yield* counted(made), { total: 2, active: 1, idle: 1 })
      yield* servers.setAddresses(users, ["10.0.9.9"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 1, idle: 0 })
      const next = yield* client.get(users)
      assert.deepStrictEqual(next.remoteAddress, Option.some("10.0.9.9"))
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual((yield* Fiber.join(busy)).remoteAddress, Option.some("10.0.0.1"))
      yield* settle
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      assert.deepInclude((yield* stats()).closedBy, { addressGone: 2 })
      assert.deepStrictEqual((yield* servers.connections(users)).map(({ address }) => address), ["10.0.9.9"])
    }))

  it.scoped("P5 a resolver that fails keeps the last good answer", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { idleTimeout: "1 hour" })
      yield* made.servers.setTtl(users, "10 seconds")
      yield* made.client.get(users)
      yield* made.servers.failResolve(users, true)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* made.client.get(users)).status, 200)
      yield* made.servers.failResolve(users, false)
      yield* made.servers.setAddresses(users, ["10.0.9.9"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* made.client.get(users)).remoteAddress, Option.some("10.0.9.9"))
    }))
})

describe("the circuit breaker", () => {
  it.scoped("opens for a host that refuses, and closes again when it accepts", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { breaker: { failures: 3, openFor: "10 seconds" } })
      const { client, servers, stats } = made
      yield* servers.refuse(users, true)
      const tag = Effect.map(Effect.flip(client.get(users)), (error) => causeOf(error)._tag)
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* tag, "ConnectFailed")
      assert.strictEqual(yield* tag, "HostUnavailable")
      assert.deepInclude((yield* stats()).addresses[0], { breaker: "open" })
      yield* servers.refuse(users, false)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* client.get(users)).status, 200)
      assert.deepInclude((yield* stats()).addresses[0], { breaker: "closed" })
    }))

  it.scoped("opens for a host that accepts and does not answer", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, {
        responseTimeout: "1 second",
        breaker: { failures: 3, openFor: "10 seconds" }
      })
      const { client, servers } = made
      yield* servers.hang(users, true)
      for (let i = 0; i < 3; i++) {
        const fiber = yield* Effect.fork(client.get(users))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* failureOf(fiber))._tag, "ResponseTimeout")
      }
      assert.strictEqual(causeOf(yield* Effect.flip(client.get(users)))._tag, "HostUnavailable")
      yield* servers.hang(users, false)
    }))

  it.scoped("blames nobody for what our own system refuses", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { breaker: { failures: 3 } })
      yield* servers.localFault(users, true)
      yield* servers.refuse(users, true)
      for (let i = 0; i < 10; i++) {
        assert.deepInclude(causeOf(yield* Effect.flip(client.get(users))), { _tag: "ConnectFailed", code: "EMFILE" })
      }
      assert.deepInclude((yield* stats()).addresses[0], { breaker: "closed" })
    }))
})

describe("limits", () => {
  it.scoped("P1 so many connections and no more, and the first to come is the first to be served", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { maxConnectionsPerHost: 3 })
      const { client, servers } = made
      yield* servers.delay(users, "1 second")
      const fibers = yield* Effect.all(Array.from({ length: 9 }, () => Effect.fork(client.get(users))))
      for (const done of [3, 6, 9]) {
        yield* TestClock.adjust("999 millis")
        assert.deepInclude(yield* counted(made), { total: 3, active: 3 })
        yield* TestClock.adjust("1 millis")
        for (const [index, fiber] of fibers.entries()) assert.strictEqual(yield* isUnderWay(fiber), index >= done)
      }
      assert.strictEqual(yield* servers.peakOpen(users), 3)
      assert.deepStrictEqual(yield* counted(made), { total: 3, active: 0, idle: 3 })
    }))
})
