import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { causeIn, failureOf, isUnderWay, rig, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")

describe("connecting", () => {
  it.scoped("is refused, by the host or by our own system", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, { breaker: { failures: 100 } })
      yield* servers.refuse(users, true)
      const host = users
      const address = "10.0.0.1"
      const refused = { reason: "Transport", tag: "ConnectFailed", host, address, code: "ECONNREFUSED" }
      assert.deepInclude(yield* causeIn(client.get(users)), refused)
      yield* servers.localFault(users, true)
      assert.deepInclude(yield* causeIn(client.get(users)), { tag: "ConnectFailed", code: "EMFILE" })
      yield* servers.refuse(users, false)
      assert.strictEqual((yield* client.get(users)).status, 200)
    }))

  it.scoped("fails when the addresses cannot be found, and ends in time when nobody says so", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.failResolve(users, true)
      assert.deepInclude(yield* causeIn(client.get(users)), { reason: "Transport", tag: "ResolveFailed" })
      yield* servers.failResolve(users, false)
      yield* servers.hangResolve(users, true)
      const fiber = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(yield* isUnderWay(fiber))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* failureOf(fiber))._tag, "ResolveTimeout")
    }))

  it.scoped("takes its time, and ends in time", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.delayConnect(users, "3 seconds")
      const slow = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(yield* isUnderWay(slow))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(slow)).status, 200)
      yield* servers.cut(users)
      yield* servers.hangConnect(users, true)
      const hanging = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* failureOf(hanging))._tag, "ConnectTimeout")
      assert.strictEqual(yield* servers.openNow(users), 0)
    }))

  it.scoped("goes to the next address when one refuses, or does not answer", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.setAddresses(users, ["10.0.0.1", "10.0.0.2"])
      yield* servers.refuse(users, true, "10.0.0.1")
      const addressOf = Effect.map(client.get(users), (response) => response.remoteAddress)
      assert.deepStrictEqual(yield* addressOf, Option.some("10.0.0.2"))
      yield* servers.cut(users)
      yield* servers.refuse(users, false, "10.0.0.1")
      yield* servers.hangConnect(users, true, "10.0.0.2")
      yield* servers.delayConnect(users, "1 second", "10.0.0.1")
      const raced = yield* Effect.fork(addressOf)
      yield* TestClock.adjust("1250 millis")
      assert.deepStrictEqual(yield* Fiber.join(raced), Option.some("10.0.0.1"))
    }))
})
