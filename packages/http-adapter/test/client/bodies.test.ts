/** Every body that the platform can make, and every raw one that undici takes, arrives as it does from layerUndici. */
import { NodeFileSystem } from "@effect/platform-node"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import { agree, compare, recorder } from "./rig.ts"

const here = fileURLToPath(import.meta.url)

const readableStream = () =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(Buffer.from("ab"))
      controller.enqueue(Buffer.from("cd"))
      controller.close()
    }
  })

async function* pieces() {
  yield Buffer.from("ab")
  yield Buffer.from("cd")
}

const shared = Buffer.from("xxabcdxx")
const raw = (body: () => unknown, options?: { readonly contentType?: string; readonly contentLength?: number }) =>
  Effect.sync(() => HttpBody.raw(body(), options))

const Item = Schema.Struct({ at: Schema.Date })

const bodies: Record<string, Effect.Effect<HttpBody.HttpBody, unknown>> = {
  empty: Effect.succeed(HttpBody.empty),
  text: Effect.succeed(HttpBody.text("✓ text")),
  "text of another type": Effect.succeed(HttpBody.text("a,b", "text/csv")),
  bytes: Effect.succeed(HttpBody.uint8Array(Uint8Array.of(0, 1, 255))),
  "a part of a buffer": Effect.succeed(HttpBody.uint8Array(shared.subarray(2, 6), "application/x-part")),
  "a MiB": Effect.succeed(HttpBody.uint8Array(Buffer.alloc(1024 * 1024, "x"))),
  json: HttpBody.json({ a: [1, "✓", null] }),
  "json of a schema": HttpBody.jsonSchema(Item)({ at: new Date(0) }),
  parameters: Effect.succeed(HttpBody.urlParams(UrlParams.fromInput({ a: ["1", "ü &"], b: "" }))),
  "a file": HttpBody.file(here, { contentType: "text/typescript" }).pipe(Effect.provide(NodeFileSystem.layer)),
  "a file of the web's": Effect.succeed(HttpBody.fileWeb(new File(["ab", "cd"], "x.txt", { type: "text/plain" }))),
  "a stream": Effect.succeed(HttpBody.stream(Stream.make(Buffer.from("ab"), Buffer.from("cd")), "text/x")),
  "a stream with empty pieces": Effect.succeed(
    HttpBody.stream(Stream.make(Buffer.from("ab"), Buffer.alloc(0), Buffer.from("cd")))
  ),
  "a slow stream": Effect.succeed(
    HttpBody.stream(Stream.repeatEffect(Effect.as(Effect.yieldNow(), Buffer.from("ab"))).pipe(Stream.take(100)))
  ),
  "raw text": raw(() => "✓ text", { contentType: "text/plain" }),
  "raw empty text": raw(() => ""),
  "nothing, raw": raw(() => null),
  "a raw Buffer": raw(() => Buffer.from("abcd")),
  "raw bytes": raw(() => Uint8Array.of(1, 2, 3)),
  "a raw view": raw(() => new Uint16Array([1, 2, 3])),
  "a raw DataView of a part": raw(() => new DataView(Uint8Array.from([0, 1, 2, 3]).buffer, 1, 2)),
  "a raw ArrayBuffer": raw(() => Uint8Array.of(1, 2, 3).buffer),
  "a raw Blob": raw(() => new Blob(["ab", "cd"])),
  "a raw Blob with a type": raw(() => new Blob(["ab", "cd"], { type: "text/x-blob" })),
  "a raw ReadableStream": raw(readableStream),
  "a raw ReadableStream with length": raw(readableStream, { contentType: "text/x", contentLength: 4 }),
  "a raw Readable": raw(() => Readable.from([Buffer.from("ab"), Buffer.from("cd")])),
  "a raw Readable of texts": raw(() => Readable.from(["ab", "cd"])),
  "a raw Readable with length": raw(() => Readable.from([Buffer.from("ab"), Buffer.from("cd")]), { contentLength: 4 }),
  "a raw iterable": raw(() => [Buffer.from("ab"), Buffer.from("cd")]),
  "a raw async iterable": raw(pieces)
}

describe("as from layerUndici", () => {
  for (const [name, make] of Object.entries(bodies)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const site = yield* recorder()
        const end = yield* agree((client) =>
          Effect.gen(function*() {
            const response = yield* client.post(site.url, { body: yield* make })
            return yield* response.text
          })
        )
        assert.strictEqual(end, "ok")
        const [theirs, ours] = site.requests
        assert.deepStrictEqual(ours, theirs)
      }))
  }

  it.scopedLive("what cannot be JSON fails before there is a request", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const end = yield* agree((client) =>
        HttpClientRequest.post(site.url).pipe(
          HttpClientRequest.bodyJson({ big: 1n }),
          Effect.flatMap((request) => client.execute(request)),
          Effect.catchTag("HttpBodyError", (error) => Effect.succeed(`${error._tag} ${error.reason._tag}`))
        )
      )
      assert.strictEqual(end, "HttpBodyError JsonError")
      assert.deepStrictEqual(site.requests, [])
    }))
})

describe("unlike layerUndici", () => {
  const sent = (body: () => unknown) =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const ends = yield* compare((client) =>
        Effect.flatMap(client.post(site.url, { body: HttpBody.raw(body()) }), (response) => response.text)
      )
      return { ends, requests: site.requests }
    })

  it.scopedLive("raw URLSearchParams are sent as a form", () =>
    Effect.gen(function*() {
      const { ends, requests } = yield* sent(() => new URLSearchParams([["a", "1"], ["a", "ü"]]))
      assert.deepStrictEqual(ends, { ours: "ok", theirs: "RequestError Transport" })
      assert.deepStrictEqual(requests.map(({ body }) => body.toString()), ["a=1&a=%C3%BC"])
      assert.strictEqual(requests[0]?.headers["content-type"], "application/x-www-form-urlencoded;charset=UTF-8")
    }))

  const nonsense: Record<string, unknown> = { "a number": 1, "an object": {}, "a function": () => "x", numbers: [1, 2] }
  for (const [name, body] of Object.entries(nonsense)) {
    it.scopedLive(`${name} is an error of Encode`, () =>
      Effect.gen(function*() {
        const { ends, requests } = yield* sent(() => body)
        assert.deepStrictEqual(ends, { ours: "RequestError Encode", theirs: "RequestError Transport" })
        assert.deepStrictEqual(requests, [])
      }))
  }
})
