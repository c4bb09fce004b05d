/** A body is produced no faster than the server reads it, and read no faster than the program does. */
import * as HttpBody from "@effect/platform/HttpBody"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { agree, answer, ours, released, serve, settled } from "./rig.ts"

const piece = Buffer.alloc(64 * 1024, "x")
// 64 MiB: far more than the buffers of two sockets can hold.
const many = 1024

/** How far a body comes while nobody reads it, and how much of it arrives once somebody does. */
const upload = (makeBody: (onPull: () => void) => HttpBody.HttpBody) =>
  Effect.gen(function*() {
    let pulled = 0
    let arrived = 0
    let read = (): void => {}
    const site = yield* serve((request, response) => {
      read = () => {
        request.on("data", (chunk: Buffer) => {
          arrived += chunk.length
        })
        request.on("end", () => response.end("ok"))
      }
    })
    const { client, pool } = yield* ours()
    const body = makeBody(() => {
      pulled++
    })
    const fiber = yield* Effect.fork(Effect.flatMap(client.post(site.url, { body }), (response) => response.text))
    const paused = yield* settled("the producer", () => pulled)
    read()
    assert.strictEqual(yield* Fiber.join(fiber), "ok")
    assert.strictEqual(arrived, many * piece.length)
    yield* released(pool)
    return { paused, pulled }
  })

describe("an upload that the server does not read pauses", () => {
  it.scopedLive("a stream", () =>
    Effect.gen(function*() {
      const { paused, pulled } = yield* upload((onPull) => {
        const pull = Effect.sync(() => {
          onPull()
          return piece
        })
        return HttpBody.stream(Stream.take(Stream.repeatEffect(pull), many))
      })
      assert.isBelow(paused, many / 2)
      assert.strictEqual(pulled, many)
    }))

  it.scopedLive("a stream whose pieces come in large chunks, but for the chunk at hand", () =>
    Effect.gen(function*() {
      const size = 16
      const chunk = Stream.make(...Array.from({ length: size }, () => piece))
      const { paused, pulled } = yield* upload((onPull) =>
        HttpBody.stream(
          Stream.range(1, many / size, 1).pipe(Stream.tap(() => Effect.sync(onPull)), Stream.flatMap(() => chunk))
        )
      )
      assert.isBelow(paused, many / size / 2)
      assert.strictEqual(pulled, many / size)
    }))

  it.scopedLive("an async iterable", () =>
    Effect.gen(function*() {
      const { paused, pulled } = yield* upload((onPull) =>
        HttpBody.raw(async function*() {
          for (let i = 0; i < many; i++) {
            onPull()
            yield piece
          }
        }())
      )
      assert.isBelow(paused, many / 2)
      assert.strictEqual(pulled, many)
    }))
})

describe("a download that the program does not read pauses", () => {
  it.scopedLive("the server", () =>
    Effect.gen(function*() {
      let written = 0
      const site = yield* answer((_, response) => {
        const write = (): void => {
          while (written < many) {
            written++
            if (!response.write(piece)) return void response.once("drain", write)
          }
          response.end()
        }
        write()
      })
      const { client, pool } = yield* ours()
      const response = yield* client.get(site.url)
      // before anybody reads, and while the reader is busy
      assert.isBelow(yield* settled("the server", () => written), many / 2)
      const gate = yield* Deferred.make<void>()
      let length = 0
      const reader = yield* Effect.fork(Stream.runForEach(response.stream, (bytes) => {
        length += bytes.length
        return Deferred.await(gate)
      }))
      assert.isBelow(yield* settled("the server", () => written), many / 2)
      yield* Deferred.succeed(gate, void 0)
      yield* Fiber.join(reader)
      assert.strictEqual(length, many * piece.length)
      yield* released(pool)
    }))

  it.scopedLive("nothing when it is read as a whole", () =>
    Effect.gen(function*() {
      const body = Buffer.alloc(8 * 1024 * 1024, "0123456789")
      const site = yield* answer((_, response) => void response.end(body))
      const end = yield* agree((client) =>
        Effect.map(Effect.flatMap(client.get(site.url), (response) => response.arrayBuffer), (bytes) =>
          body.equals(new Uint8Array(bytes)))
      )
      assert.isTrue(end)
    }))
})
