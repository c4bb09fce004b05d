import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Stream, TestClock } from "effect"
import { HttpPool, PooledHttpClient } from "../../src/index.ts"
import { bytes, causeOf, failureOf, isUnderWay, open, rig, settle, users } from "../testHttpRig.ts"

const app = HttpServerResponse.text("Ada")
/** 1 KB a second, as long as somebody listens */
const slow = HttpServerResponse.stream(Stream.schedule(Stream.repeatValue(bytes(1000)), Schedule.spaced("1 second")))
const tenSeconds = { totalTimeout: "10 seconds" } as const

/** Ends at the tenth second and not before it. */
const endsIn = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.gen(function*() {
    yield* TestClock.adjust("9999 millis")
    assert.isTrue(yield* isUnderWay(fiber))
    yield* TestClock.adjust("1 millis")
    assert.isFalse(yield* isUnderWay(fiber))
  })

const passed = { _tag: "TotalTimeout", host: users, timeout: 10_000 } as const

describe("totalTimeout", () => {
  it.scoped("ends a request that waits in line, and says how the host stands", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { ...tenSeconds, maxConnectionsPerHost: 1 })
      yield* servers.hang(users, true)
      const holder = yield* Effect.fork(PooledHttpClient.withOptions(client.get(users), { totalTimeout: Infinity }))
      yield* settle
      const fiber = yield* Effect.fork(client.get(users))
      yield* endsIn(fiber)
      const failure = yield* failureOf(fiber)
      assert.deepInclude(failure, { ...passed, stage: "connection" })
      assert.strictEqual(failure.message, "http://users.test: not done within 10000 ms; it waited for a connection")
      assert.deepInclude(failure.cause, { _tag: "AcquireTimeout", host: users })
      assert.deepInclude(yield* stats(), { waiting: 0, active: 1 })
      yield* servers.hang(users, false)
      assert.strictEqual((yield* Fiber.join(holder)).status, 200)
    }))

  it.scoped("ends a request whose connection is being opened, or whose host is being looked for", () =>
    Effect.gen(function*() {
      const options = { ...tenSeconds, connectTimeout: Infinity, resolveTimeout: Infinity }
      const { client, servers } = yield* rig({ [users]: app }, options)
      yield* servers.hangConnect(users, true)
      const dialing = yield* Effect.fork(client.get(users))
      yield* endsIn(dialing)
      assert.deepInclude(yield* failureOf(dialing), { ...passed, stage: "connection" })
      assert.strictEqual(yield* servers.openNow(), 0)
      const other = yield* rig({ [users]: app }, options)
      yield* other.servers.hangResolve(users, true)
      const resolving = yield* Effect.fork(other.client.get(users))
      yield* endsIn(resolving)
      assert.deepInclude(yield* failureOf(resolving), { ...passed, stage: "connection" })
    }))

  it.scoped("ends a request that waits for its answer, and its connection; nobody is blamed", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { ...tenSeconds, breaker: { failures: 1 } })
      yield* servers.hang(users, true)
      const fiber = yield* Effect.fork(client.get(users))
      yield* endsIn(fiber)
      assert.deepInclude(yield* failureOf(fiber), { ...passed, stage: "response" })
      yield* settle
      assert.strictEqual(yield* servers.openNow(), 0)
      assert.strictEqual((yield* stats()).addresses[0]?.breaker, "closed")
    }))

  it.scoped("ends a body that goes on for longer, whether it is read whole, in pieces or not at all", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: slow }, { ...tenSeconds, unreadTimeout: "1 minute" })
      const whole = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.text))
      const pieces = yield* Effect.fork(
        Effect.flatMap(client.get(users), (response) => Stream.runDrain(response.stream))
      )
      const unread = yield* client.get(users)
      yield* endsIn(whole)
      const left = yield* Effect.fork(unread.text)
      yield* settle
      for (const failure of [yield* failureOf(whole), yield* failureOf(pieces), yield* failureOf(left)]) {
        assert.deepInclude(failure, { ...passed, stage: "body" })
      }
      assert.strictEqual(yield* servers.openNow(), 0)
      assert.deepInclude(yield* stats(), { total: 0 })
    }))

  it.scoped("counts all stages together, replays too", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, { ...tenSeconds, maxConnectionsPerHost: 1 })
      yield* servers.delay(users, "4 seconds")
      const first = yield* Effect.fork(client.get(users))
      yield* settle
      // four seconds in line, four for the answer, and two of three for the body
      const fiber = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.text))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Fiber.join(first)).status, 200)
      yield* servers.delayBody(users, "3 seconds")
      yield* TestClock.adjust("5999 millis")
      assert.isTrue(yield* isUnderWay(fiber))
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* failureOf(fiber), { ...passed, stage: "body" })
    }))

  it.scoped("is not begun again by a replay", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, tenSeconds)
      const { client, servers } = made
      yield* open(made, 1)
      yield* servers.cutBeforeAnswer(users, 1)
      yield* servers.delayConnect(users, "6 seconds")
      yield* servers.delay(users, "6 seconds")
      const fiber = yield* Effect.fork(client.get(users))
      yield* endsIn(fiber)
      assert.deepInclude(yield* failureOf(fiber), { ...passed, stage: "response" })
      assert.strictEqual((yield* servers.requests(users)).length, 3)
    }))

  it.scoped("may differ from host to host, and from request to request", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app, "http://reports.test": app }, {
        ...tenSeconds,
        overrides: (origin) => origin.host === "reports.test" ? { totalTimeout: "1 minute" } : {}
      })
      yield* servers.delay(users, "30 seconds")
      yield* servers.delay("http://reports.test", "30 seconds")
      const patient = yield* Effect.fork(client.get("http://reports.test"))
      const endless = yield* Effect.fork(PooledHttpClient.withOptions(client.get(users), { totalTimeout: Infinity }))
      const hasty = yield* Effect.fork(
        PooledHttpClient.withOptions(client.get("http://reports.test"), { totalTimeout: "1 second" })
      )
      const usual = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* failureOf(hasty), { _tag: "TotalTimeout", timeout: 1000 })
      yield* TestClock.adjust("9 seconds")
      assert.deepInclude(yield* failureOf(usual), passed)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(patient)).status, 200)
      assert.strictEqual((yield* Fiber.join(endless)).status, 200)
    }))

  it.scoped("leaves shorter limits as they are, per host as well", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, {
        ...tenSeconds,
        maxConnectionsPerHost: 1,
        responseTimeout: "8 seconds",
        overrides: () => ({ acquireTimeout: "2 seconds" })
      })
      yield* servers.hang(users, true)
      const holder = yield* Effect.fork(client.get(users))
      yield* settle
      const fiber = yield* Effect.fork(client.get(users))
      const option = yield* Effect.fork(PooledHttpClient.withOptions(client.get(users), { acquireTimeout: "1 second" }))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* failureOf(option), { _tag: "AcquireTimeout", timeout: 1000 })
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* failureOf(fiber), { _tag: "AcquireTimeout", timeout: 2000 })
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual((yield* failureOf(holder))._tag, "ResponseTimeout")
    }))

  it.scoped("is over with the body: whatever comes later, nothing is ended by it", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, tenSeconds)
      const response = yield* client.get(users)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* response.text, "Ada")
      assert.strictEqual(yield* servers.openNow(), 1)
      assert.deepInclude(yield* stats(), { total: 1, idle: 1 })
    }))

  it.scoped("ends with an interruption, and with the pool", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, tenSeconds)
      yield* servers.hang(users, true)
      const fiber = yield* Effect.fork(client.get(users))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* servers.openNow(), 0)
    }))

  it.scoped("is a duration above zero", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(HttpPool.make({ totalTimeout: 0 })))
      assert.deepInclude(error, { _tag: "ConfigInvalid", field: "totalTimeout", value: 0 })
      const { client } = yield* rig({ [users]: app })
      const exit = yield* Effect.exit(PooledHttpClient.withOptions(client.get(users), { totalTimeout: -1 }))
      assert.isTrue(Exit.isFailure(exit))
    }))

  it.scoped("is told apart from what else can happen by its tag", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, tenSeconds)
      yield* servers.hang(users, true)
      const fiber = yield* Effect.fork(Effect.flip(client.get(users)))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "RequestError", reason: "Transport" })
      assert.strictEqual(causeOf(error)._tag, "TotalTimeout")
    }))
})
