/** Bodies that are small on the wire and large in memory, over sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import type { ServerResponse } from "node:http"
import type { Transform } from "node:stream"
import Zlib from "node:zlib"
import { answer, ours, released } from "../client/rig.ts"
import { until } from "../parts/waiting.ts"
import { causeIn } from "../testHttpRig.ts"
import { watchHandles } from "./handles.ts"

const mebibyte = 1024 * 1024
const zeros = Buffer.alloc(mebibyte)

/** Zeros without end, coded: until the client is gone. */
const bomb = (response: ServerResponse, coding: string, make: () => Transform): void => {
  response.writeHead(200, { "content-encoding": coding })
  const coder = make()
  coder.pipe(response)
  const feed = (): void => {
    while (!response.destroyed && coder.write(zeros));
    if (!response.destroyed) coder.once("drain", feed)
  }
  response.once("close", () => coder.destroy())
  feed()
}

const bombs: Readonly<Record<string, () => Transform>> = {
  gzip: () => Zlib.createGzip({ level: 1 }),
  deflate: () => Zlib.createDeflate({ level: 1 }),
  br: () => Zlib.createBrotliCompress({ params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })
}

describe("a bomb", () => {
  for (const [coding, make] of Object.entries(bombs)) {
    it.scopedLive(`of ${coding} is found out at the limit, and its connection is closed`, () =>
      Effect.gen(function*() {
        const handles = yield* watchHandles
        const site = yield* answer((_, response) => bomb(response, coding, make))
        const { client, pool } = yield* ours({ decompress: true, maxDecompressedSize: 8 * mebibyte })
        for (const read of ["whole", "pieces"]) {
          let length = 0
          const cause = yield* causeIn(Effect.flatMap(client.get(site.url), (response) =>
            read === "whole"
              ? response.arrayBuffer
              : Stream.runForEach(response.stream, (piece) => Effect.sync(() => length += piece.length))))
          assert.deepInclude(cause, { tag: "DecompressedTooLarge", limit: 8 * mebibyte, reason: "Decode" })
          assert.isAtMost(length, 8 * mebibyte)
        }
        yield* released(pool)
        yield* until("the server sees the end", Effect.sync(() => site.open() === 0))
        yield* until("the streams are closed", Effect.sync(() => handles.open() === 0))
        assert.deepInclude(yield* pool.stats, { total: 0 })
      }))
  }

  it.scopedLive("without a limit stops at a reader that stops: what is in memory is bounded", () =>
    Effect.gen(function*() {
      const handles = yield* watchHandles
      let fed = 0
      const site = yield* answer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        const packed = Zlib.gzipSync(Buffer.alloc(64 * mebibyte))
        const feed = (): void => {
          do fed += 1
          while (!response.destroyed && response.write(packed))
          if (!response.destroyed) response.once("drain", feed)
        }
        feed()
      })
      const { client, pool } = yield* ours({ decompress: true, maxDecompressedSize: Infinity })
      const before = process.memoryUsage().rss
      let length = 0
      yield* Effect.flatMap(
        client.get(site.url),
        (response) =>
          Stream.runForEach(response.stream, (piece) =>
            Effect.suspend(() => {
              length += piece.length
              return length > 4 * mebibyte ? Effect.fail("enough" as const) : Effect.void
            }))
      ).pipe(Effect.catchAll((error) => error === "enough" ? Effect.void : Effect.fail(error)))
      // one piece is 64 KiB, and the server stands still as well
      assert.isBelow(length, 6 * mebibyte)
      assert.isBelow(fed, 1000)
      assert.isBelow(process.memoryUsage().rss - before, 200 * mebibyte)
      yield* released(pool)
      yield* until("the streams are closed", Effect.sync(() => handles.open() === 0))
    }))

  it.scopedLive("within another coding is found out, though nothing of it comes out in the end", () =>
    Effect.gen(function*() {
      // a hundred thousand empty parts, which make 2 MB of nothing
      const empty = Zlib.gzipSync("")
      const nothing = Buffer.alloc(100_000 * empty.length, empty)
      const packed = Zlib.brotliCompressSync(nothing, { params: { [Zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })
      const site = yield* answer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip, br" })
        response.end(packed)
      })
      const { client } = yield* ours({ decompress: true, maxDecompressedSize: mebibyte })
      const cause = yield* causeIn(Effect.flatMap(client.get(site.url), (response) => response.text))
      assert.deepInclude(cause, { tag: "DecompressedTooLarge", limit: mebibyte })
    }))
})

describe("a large body", () => {
  it.scopedLive("comes out as it went in, through two codings and at its reader's pace", () =>
    Effect.gen(function*() {
      const plain = Buffer.alloc(12 * mebibyte)
      for (let i = 0; i < plain.length; i += 4) plain.writeUInt32LE((i * 2_654_435_761) >>> 12, i)
      const site = yield* answer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip, deflate" })
        response.end(Zlib.deflateSync(Zlib.gzipSync(plain, { level: 1 }), { level: 1 }))
      })
      const { client, pool } = yield* ours({ decompress: true })
      const hash = createHash("sha256")
      yield* Effect.flatMap(client.get(site.url), (response) =>
        Stream.runForEach(response.stream, (piece) =>
          Effect.zipRight(
            piece.length % 7 === 0 ? Effect.sleep("1 millis") : Effect.yieldNow(),
            Effect.sync(() =>
              hash.update(piece)
            )
          )))
      assert.strictEqual(hash.digest("hex"), createHash("sha256").update(plain).digest("hex"))
      yield* released(pool)
      // it has been read to its end, so its connection lives on
      assert.deepInclude(yield* pool.stats, { total: 1, idle: 1 })
      assert.strictEqual(site.accepted(), 1)
    }))

  it.scopedLive("of events is read as it comes, not when it ends", () =>
    Effect.gen(function*() {
      let next = (): void => {}
      const site = yield* answer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip", "content-type": "text/event-stream" })
        const coder = Zlib.createGzip()
        coder.pipe(response)
        let count = 0
        next = () => {
          coder.write(`data: ${++count}\n\n`)
          coder.flush()
        }
        next()
      })
      const { client } = yield* ours({ decompress: true })
      const response = yield* client.get(site.url)
      const seen: Array<string> = []
      yield* Stream.runForEach(Stream.take(response.stream, 3), (piece) =>
        Effect.sync(() => {
          seen.push(Buffer.from(piece).toString())
          next()
        }))
      assert.deepStrictEqual(seen, ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"])
    }))
})
