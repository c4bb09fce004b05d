import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Schedule, Stream, TestClock } from "effect"
import { PooledHttpClient } from "../src/index.ts"
import { bytes, causeOf, failureOf, isUnderWay, rig, settle, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")
const large = HttpServerResponse.uint8Array(bytes(200_000))
const huge = HttpServerResponse.uint8Array(bytes(2_000_000))
/** 1 KB a second, as long as somebody listens */
const slow = HttpServerResponse.stream(Stream.schedule(Stream.repeatValue(bytes(1000)), Schedule.spaced("1 second")))

describe("responseTimeout", () => {
  it.scoped("ends a request whose host does not answer, to the millisecond, and its connection", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { responseTimeout: "10 seconds" })
      yield* servers.hang(users, true)
      const fiber = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("9999 millis")
      assert.isTrue(yield* isUnderWay(fiber))
      assert.deepInclude(yield* stats(), { total: 1, active: 1, idle: 0 })
      yield* TestClock.adjust("1 millis")
      const failure = yield* failureOf(fiber)
      assert.deepInclude(failure, { _tag: "ResponseTimeout", host: users, timeout: 10_000 })
      assert.strictEqual(yield* servers.openNow(users), 0)
      assert.strictEqual(yield* servers.handling(users), 0)
      assert.deepInclude(yield* stats(), { total: 0, active: 0, idle: 0 })
    }))

  it.scoped("may differ from host to host, and from request to request", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app, "http://reports.test": app }, {
        responseTimeout: "10 seconds",
        overrides: (origin) => origin.host === "reports.test" ? { responseTimeout: "5 minutes" } : {}
      })
      yield* servers.delay(users, "1 minute")
      yield* servers.delay("http://reports.test", "1 minute")
      const patient = yield* Effect.fork(client.get("http://reports.test"))
      const hasty = yield* Effect.fork(
        PooledHttpClient.withOptions(client.get("http://reports.test"), { responseTimeout: "1 second" })
      )
      const usual = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* failureOf(hasty), { _tag: "ResponseTimeout", timeout: 1000 })
      yield* TestClock.adjust("9 seconds")
      assert.deepInclude(yield* failureOf(usual), { _tag: "ResponseTimeout", timeout: 10_000 })
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual((yield* Fiber.join(patient)).status, 200)
    }))

  it.scoped("does not count the body, nor what comes after", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app }, { responseTimeout: "10 seconds" })
      yield* servers.delayBody(users, "1 minute")
      const fiber = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.text))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "Ada")
    }))
})

describe("bodyTimeout", () => {
  it.scoped("ends a body that pauses for too long, whether it is read whole or in pieces", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: slow }, { bodyTimeout: "3 seconds" })
      const response = yield* client.get(users)
      const whole = yield* Effect.fork(response.arrayBuffer)
      const other = yield* client.get(users)
      const pieces = yield* Effect.fork(Stream.runDrain(other.stream))
      yield* TestClock.adjust("20 seconds")
      assert.isTrue(yield* isUnderWay(whole))
      assert.isTrue(yield* isUnderWay(pieces))
      yield* servers.hang(users, true)
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(yield* isUnderWay(whole))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* failureOf(whole), { _tag: "BodyTimeout", timeout: 3000 })
      assert.deepInclude(yield* failureOf(pieces), { _tag: "BodyTimeout", timeout: 3000 })
      assert.strictEqual(yield* servers.openNow(users), 0)
    }))

  it.scoped("does not count what the reader takes its time for", () =>
    Effect.gen(function*() {
      const { client } = yield* rig({ [users]: large }, { bodyTimeout: "3 seconds" })
      const response = yield* client.get(users)
      const fiber = yield* Effect.fork(
        Stream.runFoldEffect(response.stream, 0, (sum, chunk) =>
          Effect.delay(Effect.succeed(sum + chunk.length), "1 minute"))
      )
      yield* Effect.repeatN(TestClock.adjust("1 minute"), 20)
      assert.strictEqual(yield* Fiber.join(fiber), 200_000)
    }))
})

describe("unreadTimeout", () => {
  it.scoped("a short body nobody reads holds no connection, a long one holds it for 5 seconds", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: large, "http://short.test": app })
      yield* client.get("http://short.test")
      assert.deepInclude(yield* stats("http://short.test"), { total: 1, active: 0, idle: 1 })
      const response = yield* client.get(users)
      yield* TestClock.adjust("4999 millis")
      assert.deepInclude(yield* stats(), { total: 1, active: 1, idle: 0 })
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* stats(), { total: 0, active: 0, idle: 0 })
      assert.strictEqual(yield* servers.openNow(users), 0)
      assert.strictEqual(yield* servers.handling(users), 0)
      const error = causeOf(yield* Effect.flip(response.arrayBuffer))
      assert.deepInclude(error, { _tag: "BodyClosed", reason: "nobody read it within 5000 ms" })
    }))

  it.scoped("a caller in the queue gets the place of a body nobody reads", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: large }, { maxConnectionsPerHost: 1 })
      yield* client.get(users)
      const second = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.arrayBuffer))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(second)).byteLength, 200_000)
      assert.strictEqual(yield* servers.peakOpen(users), 1)
    }))

  it.scoped("does not count once somebody reads", () =>
    Effect.gen(function*() {
      const { client } = yield* rig({ [users]: slow })
      const response = yield* client.get(users)
      yield* TestClock.adjust("4 seconds")
      const taken = yield* Effect.fork(Stream.runCollect(Stream.take(response.stream, 20)))
      yield* TestClock.adjust("16 seconds")
      assert.strictEqual(Chunk.size(yield* Fiber.join(taken)), 20)
    }))
})

describe("drainTimeout", () => {
  const leave = (response: { readonly stream: Stream.Stream<Uint8Array, unknown> }) =>
    Stream.runDrain(Stream.take(response.stream, 1))

  it.scoped("a body left half-way is read to its end, if that is near and comes in time", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({
        [users]: large,
        "http://huge.test": huge,
        "http://slow.test": slow
      })
      // 70 KB left of 200 KB would be too much; 40 KB are not
      const near = yield* client.get(users)
      yield* Stream.runDrain(Stream.takeWhile(
        Stream.mapAccum(near.stream, 0, (sum, chunk) => {
          const next = sum + chunk.length
          return [next, next]
        }),
        (sum) => sum < 160_000
      ))
      yield* settle
      assert.deepInclude(yield* stats(), { total: 1, active: 0, idle: 1 })
      const far = yield* client.get("http://huge.test")
      yield* leave(far)
      yield* settle
      assert.deepInclude(yield* stats("http://huge.test"), { total: 0, opened: 1 })

      const late = yield* client.get("http://slow.test")
      const left = yield* Effect.fork(leave(late))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(left)
      yield* TestClock.adjust("999 millis")
      assert.deepInclude(yield* stats("http://slow.test"), { total: 1, active: 1 })
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* stats("http://slow.test"), { total: 0, active: 0 })
      // the idle one of the first host
      assert.strictEqual(yield* servers.openNow(), 1)
      assert.strictEqual(yield* servers.handling("http://slow.test"), 0)
    }))
})

describe("the queue", () => {
  it.scoped("P1 is bounded in length and time, and tells so as the cause of a transport error", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, {
        maxConnectionsPerHost: 2,
        maxWaitersPerHost: 3,
        acquireTimeout: "30 seconds"
      })
      yield* servers.hang(users, true)
      const fibers = yield* Effect.all(Array.from({ length: 5 }, () => Effect.fork(client.get(users))))
      yield* settle
      assert.deepInclude(yield* stats(), { total: 2, active: 2, waiting: 3 })
      const refused = yield* Effect.flip(client.get(users))
      assert.strictEqual(refused.reason, "Transport")
      assert.deepInclude(causeOf(refused), { _tag: "QueueFull", host: users })
      const hasty = PooledHttpClient.withOptions(client.get(users), { acquireTimeout: 0 })
      assert.isTrue(yield* Effect.isFailure(hasty))
      yield* TestClock.adjust("30 seconds")
      for (const fiber of fibers.slice(2)) {
        assert.deepInclude(yield* failureOf(fiber), { _tag: "AcquireTimeout", host: users })
      }
      assert.deepInclude(yield* stats(), { total: 2, active: 2, waiting: 0 })
      yield* servers.hang(users, false)
      for (const fiber of fibers.slice(0, 2)) assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      assert.strictEqual(yield* servers.peakOpen(users), 2)
      assert.deepInclude(yield* stats(), { total: 2, active: 0, idle: 2 })
    }))

  it.scoped("P8 a host that is stopped delays no other one", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app, "http://fast.test": app }, { maxConnectionsPerHost: 2 })
      yield* servers.hang(users, true)
      const stuck = yield* Effect.all(Array.from({ length: 20 }, () => Effect.fork(client.get(users))))
      yield* settle
      for (let i = 0; i < 20; i++) assert.strictEqual((yield* client.get("http://fast.test")).status, 200)
      yield* Fiber.interruptAll(stuck)
    }))
})
