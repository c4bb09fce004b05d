/** What a program reads of a response as a whole, once, again and at once, is what it reads over layerUndici. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as UrlParams from "@effect/platform/UrlParams"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Record } from "effect"
import type { ServerResponse } from "node:http"
import { agree, answer } from "./rig.ts"

type Response = HttpClientResponse.HttpClientResponse

const large = Buffer.alloc(300_000, "✓")
const json = Buffer.from(JSON.stringify({ name: "ünï", list: [1, null] }))

const write = (type: string, body: string | Buffer) => (response: ServerResponse) => {
  response.setHeader("content-type", type)
  response.end(body)
}

const answers: Record<string, (response: ServerResponse) => void> = {
  json: write("application/json", json),
  "json with a mark at its beginning": write(
    "application/json",
    Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), json])
  ),
  "json with two marks": write("application/json", Buffer.from("\ufeff\ufeff1")),
  "json that is none": write("application/json", "{"),
  "nothing as json": write("application/json", ""),
  "null as json": write("application/json", "null"),
  "a text": write("text/plain; charset=utf-8", "line\r\n✓"),
  "a text in Latin-1": write("text/plain; charset=latin1", Buffer.from("ü", "latin1")),
  "no text": write("text/plain", ""),
  "a form": write("application/x-www-form-urlencoded", "a=1&a=2&b=%C3%BC+x&c"),
  "300 kB": write("text/plain", large),
  bytes: write("application/octet-stream", Buffer.from([0, 255, 254, 0x80])),
  "chunks in the middle of letters": (response) => {
    const bytes = Buffer.from("✓✓")
    response.write(bytes.subarray(0, 1))
    setImmediate(() => {
      response.write(bytes.subarray(1, 4))
      setImmediate(() => response.end(bytes.subarray(4)))
    })
  },
  "no content": (response) => void response.writeHead(204).end(),
  "not modified": (response) => void response.writeHead(304).end(),
  "an error": (response) => void response.writeHead(500).end("broken")
}

const tell = <A>(effect: Effect.Effect<A, HttpClientError.ResponseError>) =>
  Effect.match(effect, { onSuccess: (value) => value, onFailure: ({ _tag, reason }) => `${_tag} ${reason}` })

const readers: Record<string, (response: Response) => Effect.Effect<unknown>> = {
  text: (response) => tell(response.text),
  json: (response) => tell(response.json),
  arrayBuffer: (response) =>
    tell(
      Effect.map(response.arrayBuffer, (buffer) => [buffer instanceof ArrayBuffer, Buffer.from(buffer).toString("hex")])
    ),
  urlParamsBody: (response) => tell(Effect.map(response.urlParamsBody, UrlParams.toString)),
  "text twice": (response) => tell(Effect.zip(response.text, response.text)),
  "text twice at once": (response) => tell(Effect.zip(response.text, response.text, { concurrent: true })),
  "one and the same effect twice": (response) => {
    const { text } = response
    return tell(Effect.all([text, text, text], { concurrency: "unbounded" }))
  },
  "json twice": (response) => tell(Effect.zip(response.json, response.json)),
  "arrayBuffer twice": (response) =>
    tell(Effect.map(Effect.zip(response.arrayBuffer, response.arrayBuffer), ([a, b]) => [a.byteLength, b.byteLength])),
  "text then json": (response) => tell(Effect.zip(response.text, response.json)),
  "json and text at once": (response) => tell(Effect.zip(response.json, response.text, { concurrent: true })),
  "urlParamsBody then text": (response) =>
    tell(Effect.zip(Effect.map(response.urlParamsBody, UrlParams.toString), response.text))
}

describe("as over layerUndici", () => {
  for (const [what, respond] of Object.entries(answers)) {
    it.scopedLive(what, () =>
      Effect.gen(function*() {
        const { url } = yield* answer((_, response) => respond(response))
        const end = yield* agree((client) =>
          Effect.all(Record.map(readers, (read) => Effect.flatMap(client.get(url), read)))
        )
        assert.hasAllKeys(end, readers)
      }))
  }
})
