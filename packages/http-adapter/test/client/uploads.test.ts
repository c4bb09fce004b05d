/** Uploads that end before they are done: bodies that fail, callers that are interrupted, servers that answer early. */
import * as HttpBody from "@effect/platform/HttpBody"
import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Fiber, Option, Stream } from "effect"
import { Readable } from "node:stream"
import { HttpError } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { compare, ours, recorder, released, serve } from "./rig.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly at: number }> {}

const piece = Buffer.alloc(64 * 1024, "x")

describe("a body that fails", () => {
  const error = new Broken({ at: 1 })
  const failing: Record<string, () => HttpBody.HttpBody> = {
    "at once": () => HttpBody.stream(Stream.fail(error)),
    "after a piece": () => HttpBody.stream(Stream.concat(Stream.make(piece), Stream.fail(error))),
    "after much": () =>
      HttpBody.stream(Stream.concat(Stream.repeatValue(piece).pipe(Stream.take(100)), Stream.fail(error))),
    "with a known length": () =>
      HttpBody.stream(Stream.concat(Stream.make(piece), Stream.fail(error)), "text/plain", 2 * piece.length),
    "with a defect": () => HttpBody.stream(Stream.concat(Stream.make(piece), Stream.die(error))),
    "as an async iterable": () =>
      HttpBody.raw(async function*() {
        yield piece
        throw error
      }()),
    "as a ReadableStream": () =>
      HttpBody.raw(
        new ReadableStream({
          start: (controller) => controller.enqueue(piece),
          pull: (controller) => controller.error(error)
        })
      )
  }
  for (const [name, body] of Object.entries(failing)) {
    it.scopedLive(`${name}: the error of Encode holds its error, and the connection is closed`, () =>
      Effect.gen(function*() {
        const site = yield* recorder()
        const { client, pool } = yield* ours({ maxConnectionsPerHost: 1 })
        const failure = yield* Effect.flip(client.post(site.url, { body: body() }))
        assert.deepInclude(failure, { _tag: "RequestError", reason: "Encode" })
        const cause = Option.getOrThrow(HttpError.causeOf(failure))
        assert(cause._tag === "RequestBodyFailed", String(cause))
        assert.deepInclude(cause.cause, { _tag: "Broken", at: 1 })
        assert.match(failure.message, /the body of the request could not be sent/)
        yield* released(pool)
        yield* until("the server sees the end", Effect.sync(() => site.open() === 0))
        assert.deepStrictEqual(site.requests, [])
        yield* client.get(site.url)
      }))
  }

  it.scopedLive("is an error of Transport over layerUndici", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const ends = yield* compare((client) => client.post(site.url, { body: HttpBody.stream(Stream.fail(error)) }))
      assert.deepStrictEqual(ends, { ours: "RequestError Encode", theirs: "RequestError Transport" })
    }))

  for (const [name, length] of [["longer", 3], ["shorter", 5]] as const) {
    it.scopedLive(`${name} than its declared length`, () =>
      Effect.gen(function*() {
        const site = yield* recorder()
        const { client, pool } = yield* ours()
        const body = HttpBody.stream(Stream.make(Buffer.from("ab"), Buffer.from("cd")), "text/plain", length)
        const failure = yield* Effect.flip(client.post(site.url, { body }))
        assert.strictEqual(failure.reason, "Encode")
        assert.strictEqual(Option.getOrThrow(HttpError.causeOf(failure))._tag, "RequestBodyFailed")
        yield* released(pool)
      }))
  }
})

describe("P6 an interrupted upload", () => {
  it.scopedLive("interrupts the body's fiber and closes the connection", () =>
    Effect.gen(function*() {
      const site = yield* serve((request) => request.resume())
      const { client, pool } = yield* ours({ maxConnectionsPerHost: 1 })
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const body = HttpBody.stream(
        Stream.concat(
          Stream.make(piece),
          Stream.drain(Stream.fromEffect(Effect.zipRight(Deferred.succeed(begun, void 0), Effect.never)))
        )
          .pipe(Stream.ensuring(Deferred.succeed(ended, void 0)))
      )
      const fiber = yield* Effect.fork(client.post(site.url, { body }))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(ended)
      yield* released(pool)
      yield* until("the server sees the end", Effect.sync(() => site.open() === 0))
    }))

  it.scopedLive("interrupts a body that waits for the server to read", () =>
    Effect.gen(function*() {
      const site = yield* serve(() => {})
      const { client, pool } = yield* ours()
      let pulled = 0
      const ended = yield* Deferred.make<void>()
      const body = HttpBody.stream(
        Stream.repeatEffect(Effect.sync(() => {
          pulled++
          return piece
        })).pipe(Stream.ensuring(Deferred.succeed(ended, void 0)))
      )
      const fiber = yield* Effect.fork(client.post(site.url, { body }))
      yield* until("it has begun", Effect.sync(() => pulled > 16))
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(ended)
      yield* released(pool)
    }))

  it.scopedLive("destroys a raw Readable", () =>
    Effect.gen(function*() {
      const site = yield* serve((request) => request.resume())
      const { client, pool } = yield* ours()
      const readable = new Readable({ read: () => {} })
      readable.push(piece)
      const fiber = yield* Effect.fork(client.post(site.url, { body: HttpBody.raw(readable) }))
      yield* until("it has begun", Effect.sync(() => site.open() === 1))
      yield* Fiber.interrupt(fiber)
      yield* until("it is destroyed", Effect.sync(() => readable.destroyed))
      yield* released(pool)
    }))
})

describe("an answer before the end of the body", () => {
  it.scopedLive("ends the upload", () =>
    Effect.gen(function*() {
      const site = yield* serve((_, response) => {
        response.writeHead(413, { connection: "close" }).end("too much")
      })
      const { client, pool } = yield* ours()
      const ended = yield* Deferred.make<void>()
      const body = HttpBody.stream(Stream.repeatValue(piece).pipe(Stream.ensuring(Deferred.succeed(ended, void 0))))
      const response = yield* client.post(site.url, { body })
      assert.strictEqual(response.status, 413)
      assert.strictEqual(yield* response.text, "too much")
      yield* Deferred.await(ended)
      yield* released(pool)
    }))
})
