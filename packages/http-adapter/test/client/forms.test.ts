/** Form data, which layerUndici can neither send nor read: it arrives as browsers send it, and comes back the same. */
import { NodeContext, NodeHttpServer } from "@effect/platform-node"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Multipart from "@effect/platform/Multipart"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as Http from "node:http"
import { answer, compare, ours, recorder, released, type Seen } from "./rig.ts"

type Entry = readonly [
  name: string,
  value: string | { readonly name: string; readonly type: string; readonly hex: string }
]

/** Name by name, with the bytes of files. */
const entriesOf = (form: FormData): Effect.Effect<ReadonlyArray<Entry>> =>
  Effect.promise(() =>
    Promise.all([...form].map(async ([name, value]): Promise<Entry> =>
      typeof value === "string"
        ? [name, value]
        : [name, { name: value.name, type: value.type, hex: Buffer.from(await value.arrayBuffer()).toString("hex") }]
    ))
  )

/** As the parser of Node's own fetch reads it. */
const parsed = (seen: Seen | undefined): Effect.Effect<ReadonlyArray<Entry>> =>
  Effect.flatMap(
    Effect.promise(() =>
      new Response(seen?.body ?? null, { headers: { "content-type": seen?.headers["content-type"] ?? "" } }).formData()
    ),
    entriesOf
  )

const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
const crlf = Buffer.from("\r\n--boundary--\r\n--\r\n")

const form = (...entries: ReadonlyArray<readonly [string, string | File]>): FormData => {
  const data = new FormData()
  for (const [name, value] of entries) data.append(name, value)
  return data
}

const forms: Record<string, FormData> = {
  "no entry": form(),
  texts: form(["a", "1"], ["a", "2"], ["b", ""], ["ü", "✓ ß"]),
  "names that need care": form(["a\"b", "1"], ["x; y=\"z\"", "2"], ["\\", "3"]),
  "a file": form(["file", new File([every], "every.bin", { type: "application/x-bytes" })]),
  "files and texts": form(
    ["one", "text"],
    ["file", new File([crlf], "ünï ✓.txt", { type: "text/plain" })],
    ["file", new File([], "empty", { type: "text/plain" })],
    ["file", new File([every, crlf], "a \"quoted\" name.bin", { type: "image/x" })],
    ["two", "text"]
  ),
  "a large file": form(["file", new File([Buffer.alloc(3_000_000, every)], "large.bin", { type: "image/png" })])
}

const rig = Effect.gen(function*() {
  const site = yield* recorder()
  const { client, pool } = yield* ours({ maxConnectionsPerHost: 1 })
  return { ...site, client, pool }
})

describe("form data that is sent", () => {
  for (const [name, data] of Object.entries(forms)) {
    for (const [how, make] of [["formData", HttpBody.formData], ["raw", HttpBody.raw]] as const) {
      it.scopedLive(`${name} as ${how}`, () =>
        Effect.gen(function*() {
          const { client, pool, requests, url } = yield* rig
          yield* client.post(url, { body: make(data) })
          const [seen] = requests
          assert.deepStrictEqual(yield* parsed(seen), yield* entriesOf(data))
          // declared, and not in chunks, since some servers take nothing else
          assert.strictEqual(seen?.headers["content-length"], String(seen?.body.length))
          assert.isUndefined(seen?.headers["transfer-encoding"])
          yield* released(pool)
        }))
    }
  }

  it.scopedLive("line ends of texts and names are those of the standard", () =>
    Effect.gen(function*() {
      const { client, requests, url } = yield* rig
      yield* client.post(url, { body: HttpBody.formData(form(["a\nb", "1\n2\r3\r\n4"])) })
      const text = requests[0]?.body.toString() ?? ""
      assert.include(text, `name="a%0D%0Ab"`)
      assert.include(text, "\r\n\r\n1\r\n2\r\n3\r\n4\r\n--")
    }))

  it.scopedLive("a file of no type is one of bytes", () =>
    Effect.gen(function*() {
      const { client, requests, url } = yield* rig
      yield* client.post(url, { body: HttpBody.formData(form(["file", new File(["x"], "x")])) })
      const type = "application/octet-stream"
      assert.deepStrictEqual(yield* parsed(requests[0]), [["file", { name: "x", type, hex: "78" }]])
    }))

  it.scopedLive("a record of entries", () =>
    Effect.gen(function*() {
      const { client, requests, url } = yield* rig
      const file = new File(["x"], "x.txt", { type: "text/plain" })
      yield* client.post(url, { body: HttpBody.formDataRecord({ a: ["1", "2"], n: 3, file, none: undefined }) })
      const entries = yield* parsed(requests[0])
      assert.deepStrictEqual(entries, [
        ["a", "1"],
        ["a", "2"],
        ["n", "3"],
        ["file", { name: "x.txt", type: "text/plain", hex: "78" }]
      ])
    }))

  it.scopedLive("the type is that of the body, whatever a header says, and no two boundaries are the same", () =>
    Effect.gen(function*() {
      const { client, requests, url } = yield* rig
      const request = HttpClientRequest.post(url, { body: HttpBody.formData(form(["a", "1"])) }).pipe(
        HttpClientRequest.setHeader("content-type", "multipart/form-data")
      )
      yield* client.execute(request)
      yield* client.execute(request)
      const types = requests.map(({ headers }) => headers["content-type"])
      assert.match(types[0] ?? "", /^multipart\/form-data; boundary=\S+$/)
      assert.notStrictEqual(types[0], types[1])
      assert.deepStrictEqual(yield* parsed(requests[1]), [["a", "1"]])
    }))

  it.scopedLive("is taken by the platform's own server", () =>
    Effect.gen(function*() {
      const tell = (part: Multipart.Part) =>
        Multipart.isFile(part)
          ? Effect.map(part.contentEffect, ({ length }) => [part.key, part.name, part.contentType, length])
          : Effect.succeed(Multipart.isField(part) ? [part.key, part.value] : [])
      const app = Effect.gen(function*() {
        const request = yield* HttpServerRequest.HttpServerRequest
        const parts = yield* Stream.runCollect(Stream.mapEffect(request.multipartStream, tell))
        return yield* HttpServerResponse.json([...parts])
      })
      const context = yield* Layer.build(
        HttpServer.serve(Effect.catchAll(app, (error) => HttpServerResponse.text(String(error), { status: 500 }))).pipe(
          Layer.provideMerge(NodeHttpServer.layer(Http.createServer, { host: "127.0.0.1", port: 0 })),
          Layer.provide(NodeContext.layer)
        )
      )
      const { client } = yield* ours()
      const url = yield* Effect.provide(HttpServer.addressFormattedWith(Effect.succeed), context)
      // its parser knows no names beyond Latin-1
      const data = form(
        ["one", "✓"],
        ["file", new File([crlf], "ünï.txt", { type: "text/plain" })],
        ["file", new File([], "empty", { type: "image/png" })],
        ["two", "text"]
      )
      const response = yield* client.post(url, { body: HttpBody.formData(data) })
      assert.deepStrictEqual(yield* response.json, [
        ["one", "✓"],
        ["file", "ünï.txt", "text/plain", crlf.length],
        ["file", "empty", "image/png", 0],
        ["two", "text"]
      ])
    }))

  it.scopedLive("cannot be sent by layerUndici", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const ends = yield* compare((client) =>
        Effect.map(client.post(url, { body: HttpBody.formData(form(["a", "1"])) }), ({ status }) => status)
      )
      assert.deepStrictEqual(ends, { ours: 200, theirs: "RequestError Transport" })
    }))
})

describe("form data that is received", () => {
  const sent = form(["a", "1"], ["a", "ü"], ["file", new File([every], "every.bin", { type: "application/x-bytes" })])

  it.scopedLive("is the same, twice and at once", () =>
    Effect.gen(function*() {
      const encoded = new Response(sent)
      const body = yield* Effect.promise(() => encoded.arrayBuffer())
      const { url } = yield* answer((_, response) => {
        response.setHeader("content-type", encoded.headers.get("content-type") ?? "")
        response.end(Buffer.from(body))
      })
      const { client } = yield* ours()
      const response = yield* client.get(url)
      const [one, two] = yield* Effect.zip(response.formData, response.formData, { concurrent: true })
      const expected = yield* entriesOf(sent)
      assert.deepStrictEqual(yield* entriesOf(one), expected)
      assert.deepStrictEqual(yield* entriesOf(two), expected)
      assert.strictEqual((yield* response.arrayBuffer).byteLength, body.byteLength)
      const ends = yield* compare((other) =>
        Effect.flatMap(other.get(url), ({ formData }) => Effect.map(formData, (data) => [...data.keys()]))
      )
      assert.deepStrictEqual(ends, { ours: ["a", "a", "file"], theirs: "ResponseError Decode" })
    }))

  it.scopedLive("may be urlencoded", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => {
        response.setHeader("content-type", "application/x-www-form-urlencoded").end("a=1&b=%C3%BC+x")
      })
      const { client } = yield* ours()
      const response = yield* client.get(url)
      assert.deepStrictEqual(yield* Effect.flatMap(response.formData, entriesOf), [["a", "1"], ["b", "ü x"]])
    }))

  for (
    const [name, type] of [["of another type", "text/plain"], ["that is broken", "multipart/form-data; boundary=x"]]
  ) {
    it.scopedLive(`${name} is an error of Decode`, () =>
      Effect.gen(function*() {
        const { url } = yield* answer((_, response) =>
          void response.setHeader("content-type", type ?? "").end("--y\r\n")
        )
        const { client, pool } = yield* ours()
        const error = yield* Effect.flip(Effect.flatMap(client.get(url), ({ formData }) => formData))
        assert.deepInclude(error, { _tag: "ResponseError", reason: "Decode" })
        yield* released(pool)
      }))
  }
})
