import { HttpBody, HttpRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream, TestClock } from "effect"
import { bytes, causeIn, failureOf, rig, settle, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")
const request = HttpServerRequest.HttpServerRequest

describe("bodies of requests", () => {
  const size = Effect.map(
    Stream.runFold(Stream.unwrap(Effect.map(request, (asked) => asked.stream)), 0, (sum, chunk) => sum + chunk.length),
    (sum) => HttpServerResponse.text(String(sum))
  )

  it.scoped("fail, or are not as long as they say, which the application sees as well", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const { client, servers } = yield* rig({
        [users]: Effect.onExit(size, (exit) =>
          Effect.sync(() => seen.push(Exit.isInterrupted(exit) ? "left" : exit._tag)))
      })
      const failing = Stream.concat(Stream.make(bytes(10)), Stream.fail("no more"))
      assert.deepInclude(yield* causeIn(client.post(users, { body: HttpBody.stream(failing) })), {
        reason: "Encode",
        tag: "RequestBodyFailed"
      })
      for (const contentLength of [9, 11]) {
        const body = HttpBody.stream(Stream.make(bytes(10)), "application/octet-stream", contentLength)
        assert.deepInclude(yield* causeIn(client.post(users, { body })), { reason: "Encode", tag: "RequestBodyFailed" })
      }
      yield* settle
      assert.deepStrictEqual(seen, ["left", "left", "left"])
      assert.strictEqual(yield* servers.openNow(users), 0)
      const body = HttpBody.stream(Stream.make(bytes(10)), "application/octet-stream", 10)
      assert.strictEqual(
        yield* Effect.flatMap(client.post(users, { body }), (response) =>
          response.text),
        "10"
      )
    }))

  it.scoped("are left where they are when the answer comes before their end", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const endless = Stream.ensuring(
        Stream.repeatEffect(Effect.succeed(bytes(1000))),
        Effect.sync(() => ended.push("upload"))
      )
      const { client, servers } = yield* rig({ [users]: HttpServerResponse.text("no, thank you", { status: 413 }) })
      yield* servers.delay(users, "1 second")
      const fiber = yield* Effect.fork(client.post(users, { body: HttpBody.stream(endless) }))
      yield* TestClock.adjust("1 second")
      const response = yield* Fiber.join(fiber)
      assert.strictEqual(response.status, 413)
      assert.strictEqual(yield* response.text, "no, thank you")
      yield* settle
      assert.deepStrictEqual(ended, ["upload"])
      assert.strictEqual(yield* servers.openNow(users), 0)
    }))

  it.scoped("that break off fail for an application that may not be interrupted", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const read = Effect.matchEffect(Effect.flatMap(request, (asked) => asked.text), {
        onFailure: (error) => Effect.sync(() => seen.push(`${error._tag} ${error.reason}`)),
        onSuccess: (text) => Effect.sync(() => seen.push(text))
      })
      const { client, servers } = yield* rig({
        [users]: HttpRouter.empty.pipe(HttpRouter.post("/", Effect.as(read, app), { uninterruptible: true }))
      })
      const body = HttpBody.stream(Stream.concat(Stream.make(bytes(10)), Stream.never))
      const fiber = yield* Effect.fork(client.post(users, { body }))
      yield* settle
      yield* servers.cut(users)
      yield* settle
      assert.deepStrictEqual(seen, ["RequestError Decode"])
      assert.deepInclude(yield* failureOf(fiber), { _tag: "ConnectionLost", written: true, answered: false })
      assert.strictEqual(yield* servers.handling(users), 0)
    }))

  it.scoped("that are whole cost no connection when nobody reads them", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* client.post(users, { body: HttpBody.uint8Array(bytes(1_000_000)) })
      yield* client.post(users, { body: HttpBody.text("more") })
      assert.strictEqual(yield* servers.opened(users), 1)
      const [first, second] = yield* servers.requests(users)
      assert.deepStrictEqual([first?.body.length, second?.text], [1_000_000, "more"])
      assert.strictEqual(first?.connection, second?.connection)
    }))
})
