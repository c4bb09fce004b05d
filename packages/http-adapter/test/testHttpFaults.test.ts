import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Stream, TestClock } from "effect"
import { bytes, causeIn, failureOf, isUnderWay, rig, settle, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")
const request = HttpServerRequest.HttpServerRequest

describe("answers", () => {
  it.scoped("come late", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.delay(users, "2 seconds")
      yield* servers.delayBody(users, "3 seconds")
      const head = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(yield* isUnderWay(head))
      yield* TestClock.adjust("1 millis")
      const body = yield* Effect.fork(Effect.flatMap(Fiber.join(head), (response) => response.text))
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(yield* isUnderWay(body))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(body), "Ada")
    }))

  it.scoped("stop while the host is stopped, and go on with it", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make(0)
      const { client, servers } = yield* rig({
        [users]: Effect.as(
          Ref.update(seen, (n) => n + 1),
          HttpServerResponse.stream(Stream.repeatEffect(Effect.as(Effect.sleep("1 second"), bytes(10))))
        )
      })
      yield* servers.hang(users, true)
      const fiber = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(yield* isUnderWay(fiber))
      assert.strictEqual(yield* Ref.get(seen), 0)
      assert.strictEqual((yield* servers.requests(users)).length, 1)
      yield* servers.hang(users, false)
      const response = yield* Fiber.join(fiber)
      const received = yield* Ref.make(0)
      const reading = yield* Effect.fork(
        Stream.runForEach(response.stream, (chunk) => Ref.update(received, (sum) => sum + chunk.length))
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Ref.get(received), 20)
      yield* servers.hang(users, true)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Ref.get(received), 20)
      yield* servers.hang(users, false)
      yield* TestClock.adjust("1 second")
      assert.isAbove(yield* Ref.get(received), 20)
      yield* Fiber.interrupt(reading)
    }))

  it.scoped("end with their connection: before the head, after it, and within the body", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: HttpServerResponse.uint8Array(bytes(100_000)) })
      const lost = { tag: "ConnectionLost", host: users, written: true }

      yield* servers.hang(users, true)
      const waiting = yield* Effect.fork(client.post(users))
      yield* settle
      yield* servers.cut(users)
      yield* settle
      assert.deepInclude(yield* failureOf(waiting), { _tag: "ConnectionLost", written: true, answered: false })
      yield* servers.hang(users, false)

      yield* servers.cutAfterHead(users, true)
      const headed = yield* client.get(users)
      assert.strictEqual(headed.headers["content-length"], "100000")
      assert.deepInclude(yield* causeIn(headed.arrayBuffer), { ...lost, reason: "Decode", answered: true })
      yield* servers.cutAfterHead(users, false)

      yield* servers.truncateBody(users, 70_001)
      const truncated = yield* client.get(users)
      const received = yield* Ref.make(0)
      const reading = Stream.runForEach(truncated.stream, (chunk) => Ref.update(received, (sum) => sum + chunk.length))
      assert.deepInclude(yield* causeIn(reading), { ...lost, answered: true })
      assert.strictEqual(yield* Ref.get(received), 70_001)
      yield* servers.truncateBody(users, 100_000)
      const whole = yield* client.get(users)
      assert.strictEqual((yield* whole.arrayBuffer).byteLength, 100_000)
      yield* servers.truncateBody(users, undefined)

      const streaming = yield* client.get(users)
      yield* servers.cut(users)
      assert.deepInclude(yield* causeIn(streaming.arrayBuffer), { ...lost, answered: true })

      yield* settle
      assert.strictEqual(yield* servers.openNow(users), 0)
      assert.deepInclude(yield* stats(), { total: 0, opened: 4, closed: 4 })
    }))

  it.scoped("are too large in head or body", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({
        [users]: Effect.map(request, (asked) =>
          asked.url === "/head"
            ? HttpServerResponse.empty({ headers: { large: "x".repeat(20_000) } })
            : HttpServerResponse.uint8Array(bytes(100_000)))
      }, { maxResponseSize: 50_000 })
      assert.deepInclude(yield* causeIn(client.get(`${users}/head`)), { tag: "HeadersTooLarge", limit: 16_384 })
      const body = Effect.flatMap(client.get(`${users}/body`), (response) => response.arrayBuffer)
      assert.deepInclude(yield* causeIn(body), { tag: "BodyTooLarge", limit: 50_000 })
      yield* settle
      assert.strictEqual(yield* servers.openNow(users), 0)
      assert.strictEqual(yield* servers.handling(users), 0)
    }))

  it.scoped("are longer or shorter than they say", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({
        [users]: Effect.map(request, (asked) =>
          HttpServerResponse.stream(Stream.make(bytes(Number(asked.url.slice(1)))), { contentLength: 10 }))
      })
      const read = (length: number) =>
        Effect.flatMap(client.get(`${users}/${length}`), (response) =>
          response.arrayBuffer)
      assert.strictEqual((yield* read(11)).byteLength, 10)
      yield* settle
      // what came after the response belongs to nobody
      assert.strictEqual(yield* servers.openNow(users), 0)
      const short = yield* Effect.fork(read(9))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(yield* isUnderWay(short))
      yield* servers.cut(users)
      assert.deepInclude(yield* causeIn(Fiber.join(short)), { tag: "ConnectionLost", answered: true })
    }))

  it.scoped("say that they are the last on their connection", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app })
      yield* servers.closeAfterResponse(users, true)
      for (let i = 0; i < 3; i++) {
        const response = yield* client.get(users)
        assert.strictEqual(response.headers["connection"], "close")
        assert.strictEqual(yield* response.text, "Ada")
      }
      assert.strictEqual(yield* servers.opened(users), 3)
      assert.strictEqual(yield* servers.peakOpen(users), 1)
      assert.deepInclude(yield* stats(), { total: 0, reused: 0 })
      yield* servers.closeAfterResponse(users, false)
      yield* client.get(users, { headers: { connection: "close" } })
      yield* client.get(users)
      yield* client.get(users)
      assert.strictEqual(yield* servers.opened(users), 5)
    }))
})
