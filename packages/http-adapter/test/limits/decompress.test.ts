import { HttpClientRequest, type HttpClientResponse, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import Zlib from "node:zlib"
import { PooledHttpClient } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { causeIn, rig, users } from "../testHttpRig.ts"
import { watchHandles } from "./handles.ts"

const text = "Ada Lovelace, ".repeat(40)
const on = { decompress: true } as const

type Code = (plain: Uint8Array) => Buffer
/** only where Node has it */
const { zstdCompressSync } = Zlib as { readonly zstdCompressSync?: Code }
const codings: Readonly<Record<string, Code>> = {
  gzip: (plain) => Zlib.gzipSync(plain),
  "x-gzip": (plain) => Zlib.gzipSync(plain),
  deflate: (plain) => Zlib.deflateSync(plain),
  br: (plain) => Zlib.brotliCompressSync(plain),
  ...(zstdCompressSync === undefined ? {} : { zstd: zstdCompressSync })
}

const coded = (coding: string, body: Uint8Array, status = 200) =>
  HttpServerResponse.uint8Array(body, { status, headers: { "content-encoding": coding } })

const inPieces = (coding: string, pieces: Iterable<Uint8Array>) =>
  HttpServerResponse.stream(Stream.fromIterable(pieces).pipe(Stream.rechunk(1)), {
    headers: { "content-encoding": coding }
  })

const plain = Buffer.from(text)
const read = (response: HttpClientResponse.HttpClientResponse) =>
  Stream.runFold(response.stream, "", (all, piece) => all + Buffer.from(piece).toString("latin1"))

describe("decompress", () => {
  for (const [coding, code] of Object.entries(codings)) {
    it.scoped(`undoes ${coding}, read whole, in pieces and by several at once`, () =>
      Effect.gen(function*() {
        const handles = yield* watchHandles
        const { client, stats } = yield* rig({ [users]: coded(coding, code(plain)) }, on)
        const response = yield* client.get(users)
        assert.deepStrictEqual(
          yield* Effect.all([response.text, response.text, response.arrayBuffer], { concurrency: "unbounded" }),
          [text, text, new Uint8Array(plain).buffer]
        )
        assert.strictEqual(yield* response.text, text)
        assert.strictEqual(yield* Effect.flatMap(client.get(users), read), text)
        assert.strictEqual(yield* read(response), text)
        assert.strictEqual(handles.made(), 2)
        yield* until("they are closed", Effect.sync(() => handles.open() === 0))
        assert.deepInclude(yield* stats(), { total: 1, idle: 1 })
      }))

    it.scoped(`undoes ${coding} at every boundary between two pieces, and byte by byte`, () =>
      Effect.gen(function*() {
        const body = code(plain)
        let pieces: ReadonlyArray<Uint8Array> = []
        const { client } = yield* rig({ [users]: Effect.sync(() => inPieces(coding, pieces)) }, on)
        for (let at = 1; at < body.length; at++) {
          pieces = [body.subarray(0, at), body.subarray(at)]
          assert.strictEqual(
            yield* Effect.flatMap(client.get(users), at % 2 === 0 ? read : (_) => _.text),
            text,
            `${at}`
          )
        }
        pieces = Array.from(body, (_, i) => body.subarray(i, i + 1))
        assert.strictEqual(yield* Effect.flatMap(client.get(users), read), text)
      }))

    it.scoped(`fails on ${coding} that is cut off or damaged, and keeps no handle`, () =>
      Effect.gen(function*() {
        const handles = yield* watchHandles
        const body = code(plain)
        let wrong: Uint8Array = body
        const { client, stats } = yield* rig({ [users]: Effect.sync(() => coded(coding, wrong)) }, on)
        const damaged = Buffer.from(body).fill(0xff, 2, body.length - 1)
        const cut = [body.subarray(0, 1), body.subarray(0, body.length >> 1), body.subarray(0, -1)]
        for (wrong of [...cut, damaged]) {
          const whole = yield* causeIn(Effect.flatMap(client.get(users), (response) => response.text))
          assert.deepInclude(whole, { tag: "DecompressionFailed", reason: "Decode", host: users, coding })
          const pieces = yield* causeIn(Effect.flatMap(client.get(users), read))
          assert.deepInclude(pieces, { tag: "DecompressionFailed", reason: "Decode", host: users, coding })
        }
        yield* until("they are closed", Effect.sync(() => handles.open() === 0))
        assert.deepInclude(yield* stats(), { active: 0 })
      }))
  }

  it.scoped("undoes deflate without the format of zlib", () =>
    Effect.gen(function*() {
      const { client } = yield* rig({ [users]: coded("deflate", Zlib.deflateRawSync(plain)) }, on)
      assert.strictEqual(yield* Effect.flatMap(client.get(users), (response) => response.text), text)
    }))

  it.scoped("undoes several codings in their order, and several parts of one", () =>
    Effect.gen(function*() {
      const twice = Zlib.gzipSync(Zlib.brotliCompressSync(plain))
      const { client } = yield* rig({
        [users]: coded("br, identity,GZIP", twice),
        "http://parts.test": coded("gzip", Buffer.concat([Zlib.gzipSync(plain), Zlib.gzipSync("!")]))
      }, on)
      const response = yield* client.get(users)
      assert.strictEqual(yield* response.text, text)
      assert.isUndefined(response.headers["content-encoding"])
      assert.strictEqual(yield* Effect.flatMap(client.get("http://parts.test"), read), `${text}!`)
    }))

  it.scoped("hands on what it does not know, and what has no body, untouched", () =>
    Effect.gen(function*() {
      const packed = Zlib.gzipSync(plain)
      let response = coded("gzip, rot13", packed)
      const { client } = yield* rig({ [users]: Effect.sync(() => response) }, on)
      const unknown = yield* client.get(users)
      assert.strictEqual(unknown.headers["content-encoding"], "gzip, rot13")
      assert.strictEqual(unknown.headers["content-length"], String(packed.length))
      assert.deepStrictEqual(new Uint8Array(yield* unknown.arrayBuffer), new Uint8Array(packed))
      response = coded("gzip", packed)
      const head = yield* client.head(users)
      assert.strictEqual(head.headers["content-encoding"], "gzip")
      response = HttpServerResponse.empty({ status: 204, headers: { "content-encoding": "gzip" } })
      assert.strictEqual(yield* Effect.flatMap(client.get(users), (_) => _.text), "")
      response = HttpServerResponse.empty({ status: 304, headers: { "content-encoding": "gzip" } })
      assert.strictEqual((yield* client.get(users)).headers["content-encoding"], "gzip")
      response = coded("gzip", packed.subarray(5, 9), 206)
      const part = yield* client.get(users)
      assert.strictEqual((yield* part.arrayBuffer).byteLength, 4)
      response = coded("identity", plain)
      assert.strictEqual(yield* Effect.flatMap(client.get(users), (_) => _.text), text)
      response = coded("gzip", new Uint8Array(0))
      assert.strictEqual(yield* Effect.flatMap(client.get(users), (_) => _.text), "")
    }))

  it.scoped("hides the headers of what nobody gets to see, and only then", () =>
    Effect.gen(function*() {
      const packed = Zlib.gzipSync(plain)
      const { client } = yield* rig({ [users]: coded("gzip", packed) }, on)
      const { headers } = yield* client.get(users)
      assert.isUndefined(headers["content-encoding"])
      assert.isUndefined(headers["content-length"])
      assert.strictEqual(headers["content-type"], "application/octet-stream")
      const raw = yield* client.get(users).pipe(PooledHttpClient.withOptions({ decompress: false }))
      assert.strictEqual(raw.headers["content-encoding"], "gzip")
      assert.deepStrictEqual(new Uint8Array(yield* raw.arrayBuffer), new Uint8Array(packed))
    }))

  it.scoped("asks for what it can undo, unless the caller asks", () =>
    Effect.gen(function*() {
      const echo = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        HttpServerResponse.text(headers["accept-encoding"] ?? "none"))
      const { client } = yield* rig({ [users]: echo }, on)
      const asked = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.flatMap(client.execute(request), (response) =>
          response.text)
      const get = HttpClientRequest.get(users)
      const all = zstdCompressSync === undefined ? "gzip, deflate, br" : "gzip, deflate, br, zstd"
      assert.strictEqual(yield* asked(get), all)
      assert.strictEqual(yield* asked(HttpClientRequest.setHeader(get, "Accept-Encoding", "br")), "br")
      assert.strictEqual(yield* asked(HttpClientRequest.setHeader(get, "Range", "bytes=0-3")), "identity")
      assert.strictEqual(yield* asked(get).pipe(PooledHttpClient.withOptions({ decompress: false })), "none")
    }))

  it.scoped("is off by default, on by host, and on by request", () =>
    Effect.gen(function*() {
      const app = coded("gzip", Zlib.gzipSync(plain))
      const { client } = yield* rig({ [users]: app, "http://small.test": app }, {
        overrides: (origin) => origin.host === "small.test" ? { decompress: true, maxDecompressedSize: 5 } : {}
      })
      assert.strictEqual((yield* client.get(users)).headers["content-encoding"], "gzip")
      const asked = client.get(users).pipe(PooledHttpClient.withOptions(on))
      assert.strictEqual(yield* Effect.flatMap(asked, (response) => response.text), text)
      const small = Effect.flatMap(client.get("http://small.test"), (response) => response.text)
      assert.deepInclude(yield* causeIn(small), { tag: "DecompressedTooLarge", limit: 5 })
      assert.strictEqual(yield* small.pipe(PooledHttpClient.withOptions({ maxDecompressedSize: Infinity })), text)
      const exactly = PooledHttpClient.withOptions({ maxDecompressedSize: plain.length })
      assert.strictEqual(yield* exactly(small), text)
      const oneLess = PooledHttpClient.withOptions({ maxDecompressedSize: plain.length - 1 })
      assert.strictEqual((yield* causeIn(oneLess(small)))["tag"], "DecompressedTooLarge")
    }))

  it.scoped("makes no more than four streams of one response", () =>
    Effect.gen(function*() {
      const handles = yield* watchHandles
      const { client } = yield* rig({ [users]: coded("gzip, ".repeat(1000), Zlib.gzipSync(plain)) }, on)
      assert.strictEqual((yield* causeIn(Effect.flatMap(client.get(users), read)))["tag"], "DecompressionFailed")
      assert.strictEqual(handles.made(), 0)
    }))
})
