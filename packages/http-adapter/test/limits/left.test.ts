/** Bodies that are left, cut or broken: compressed ones do to their connections what others do, and keep nothing. */
import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { randomBytes } from "node:crypto"
import Zlib from "node:zlib"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { answer, ours } from "../client/rig.ts"
import { until } from "../parts/waiting.ts"
import { causeIn, causeOf, failureOf, rig, settle, users } from "../testHttpRig.ts"
import { watchHandles } from "./handles.ts"

/** Cannot be made smaller, so that both are of about one length on the wire. */
const noise = randomBytes(400_000)
const plain = HttpServerResponse.uint8Array(noise)
const packed = HttpServerResponse.uint8Array(Zlib.gzipSync(noise), { headers: { "content-encoding": "gzip" } })
const medium = HttpServerResponse.uint8Array(Zlib.gzipSync(noise.subarray(0, 150_000)), {
  headers: { "content-encoding": "gzip" }
})
const short = HttpServerResponse.uint8Array(Zlib.gzipSync("Ada"), { headers: { "content-encoding": "gzip" } })

/** The same with both: what is left of their connections. */
const alike = (
  what: string,
  program: (made: Effect.Effect.Success<ReturnType<typeof rig>>) => Effect.Effect<unknown, unknown>,
  options: Partial<HttpAdapterConfig.Options> = {}
) =>
  it.scoped(what, () =>
    Effect.gen(function*() {
      const handles = yield* watchHandles
      const ends: Array<unknown> = []
      for (const app of [plain, packed]) {
        const made = yield* rig({ [users]: app }, { decompress: true, ...options })
        yield* program(made)
        yield* settle
        yield* until("no stream is left", Effect.sync(() => handles.open() === 0))
        const { active, closedBy, idle, total } = yield* made.stats()
        ends.push({ active, closedBy, idle, total, open: yield* made.servers.openNow() })
      }
      assert.deepStrictEqual(ends[1], ends[0])
    }))

describe("a compressed body that is cut off", () => {
  it.scopedLive("gives a slow reader all that came before, as a plain one does", () =>
    Effect.gen(function*() {
      const whole = Zlib.gzipSync(Buffer.alloc(400_000, noise.subarray(0, 1000)), { level: 0 })
      const site = yield* answer(({ url }, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        if (url === "/damaged") response.end(Buffer.concat([whole.subarray(0, 200_000), Buffer.alloc(9, 0xff)]))
        else response.write(whole.subarray(0, 200_000), () => setTimeout(() => response.destroy(), 50))
      })
      const { client } = yield* ours({ decompress: true, readAhead: 1000 })
      const most = Zlib.gunzipSync(whole.subarray(0, 200_000), { finishFlush: Zlib.constants.Z_SYNC_FLUSH }).length
      for (const path of ["/cut", "/damaged"]) {
        let length = 0
        const reading = Effect.flatMap(
          client.get(site.url + path),
          (response) =>
            Stream.runForEach(response.stream, (piece) =>
              Effect.delay(Effect.sync(() => length += piece.length), "20 millis"))
        )
        const { tag } = yield* causeIn(reading)
        assert.strictEqual(tag, path === "/cut" ? "ConnectionLost" : "DecompressionFailed")
        assert.isAtLeast(length, most)
      }
    }))
})

describe("a compressed body", () => {
  alike(
    "that nobody reads, is closed after its time",
    ({ client }) => Effect.zipRight(client.get(users), TestClock.adjust("5 seconds"))
  )

  alike(
    "of which one piece is read, is closed",
    ({ client }) => Effect.flatMap(client.get(users), (response) => Stream.runDrain(Stream.take(response.stream, 1)))
  )

  alike(
    "of which one piece is read, and the rest is short enough, is drained",
    ({ client }) => Effect.flatMap(client.get(users), (response) => Stream.runDrain(Stream.take(response.stream, 1))),
    {
      drainLimit: 1_000_000
    }
  )

  alike("whose reader is interrupted, in pieces, is closed", ({ client, servers }) =>
    Effect.gen(function*() {
      const response = yield* client.get(users)
      yield* servers.hang(users, true)
      const fiber = yield* Effect.fork(Stream.runForEach(response.stream, () => Effect.never))
      yield* settle
      yield* Fiber.interrupt(fiber)
    }))

  alike("whose reader is interrupted, as a whole, is closed", ({ client, servers }) =>
    Effect.gen(function*() {
      yield* servers.delayBody(users, "1 hour")
      const response = yield* client.get(users)
      const fiber = yield* Effect.fork(response.arrayBuffer)
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* causeIn(response.arrayBuffer))["tag"], "BodyClosed")
    }))

  alike("whose connection is cut, fails with that", ({ client, servers }) =>
    Effect.gen(function*() {
      yield* servers.truncateBody(users, 300_000)
      const whole = yield* causeIn(Effect.flatMap(client.get(users), (response) => response.arrayBuffer))
      assert.deepInclude(whole, { tag: "ConnectionLost", answered: true })
      let length = 0
      const pieces = Effect.flatMap(client.get(users), (response) =>
        Stream.runForEach(response.stream, (piece) => Effect.sync(() => length += piece.length)))
      assert.deepInclude(yield* causeIn(pieces), { tag: "ConnectionLost", answered: true })
      assert.isAbove(length, 250_000)
    }))

  alike("whose scope closes before it is read, is closed", ({ client }) => Effect.scoped(client.get(users)))

  alike("that pauses for too long, fails with that", ({ client, servers }) =>
    Effect.gen(function*() {
      yield* servers.delayBody(users, "10 seconds")
      const fiber = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.arrayBuffer))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* failureOf(fiber))._tag, "BodyTimeout")
    }), { bodyTimeout: "3 seconds" })

  alike("that takes too long altogether, fails with that", ({ client, servers }) =>
    Effect.gen(function*() {
      yield* servers.delayBody(users, "10 seconds")
      const fiber = yield* Effect.fork(
        Effect.flatMap(client.get(users), (response) => Stream.runDrain(response.stream))
      )
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* failureOf(fiber), { _tag: "TotalTimeout", stage: "body" })
    }), { totalTimeout: "3 seconds" })

  alike("that is larger than maxResponseSize, as it arrives, fails with that", ({ client }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.flatMap(client.get(users), (response) => response.arrayBuffer))
      assert.deepInclude(causeOf(error as never), { _tag: "BodyTooLarge", limit: 100_000 })
    }), { maxResponseSize: 100_000 })

  it.scoped("costs nothing, and no stream, as long as nobody reads it", () =>
    Effect.gen(function*() {
      const handles = yield* watchHandles
      const { client, stats } = yield* rig({ [users]: short }, { decompress: true })
      for (let i = 0; i < 50; i++) yield* client.get(users)
      assert.strictEqual(handles.made(), 0)
      assert.deepInclude(yield* stats(), { total: 1, idle: 1 })
    }))

  it.scoped("keeps nothing when a thousand are left in every way", () =>
    Effect.gen(function*() {
      const handles = yield* watchHandles
      const { client, servers } = yield* rig({ [users]: medium, "http://short.test": short }, {
        decompress: true,
        drainLimit: 0,
        checkInvariants: false
      })
      yield* Effect.forEach(Array.from({ length: 1000 }), (_, i) =>
        Effect.gen(function*() {
          const response = yield* client.get(i % 5 === 0 ? "http://short.test" : users)
          const half = Stream.runDrain(Stream.take(response.stream, 1))
          switch (i % 4) {
            case 0:
              return yield* half
            case 1: {
              const fiber = yield* Effect.fork(response.arrayBuffer)
              // long enough for it to begin
              yield* Effect.yieldNow()
              return yield* Fiber.interrupt(fiber)
            }
            case 2: {
              const fiber = yield* Effect.fork(Stream.runForEach(response.stream, () => Effect.never))
              yield* Effect.yieldNow()
              return yield* Fiber.interrupt(fiber)
            }
            default:
              return yield* Effect.ignore(Effect.zip(half, response.text))
          }
        }), { concurrency: 10, discard: true })
      assert.isAbove(handles.made(), 300)
      yield* TestClock.adjust("5 seconds")
      yield* until("all streams are closed", Effect.sync(() => handles.open() === 0))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* servers.openNow(), 0)
    }))
})
