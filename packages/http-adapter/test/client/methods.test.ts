/** Requests arrive as those of the client that ours replaces, whatever the method and the body. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { agree, ours, recorder } from "./rig.ts"

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

const pieces = Stream.make(Buffer.from("one"), Buffer.from("two"))

const bodies: Record<string, HttpBody.HttpBody> = {
  nothing: HttpBody.empty,
  "an empty text": HttpBody.text(""),
  text: HttpBody.text("ünï ✓"),
  "a stream": HttpBody.stream(pieces),
  "a stream of known length": HttpBody.stream(pieces, "text/plain", 6),
  "an empty stream": HttpBody.stream(Stream.empty)
}

describe("as from layerUndici", () => {
  for (const method of methods) {
    for (const [name, body] of Object.entries(bodies)) {
      it.scopedLive(`${method} with ${name}`, () =>
        Effect.gen(function*() {
          const site = yield* recorder()
          const request = HttpClientRequest.make(method)(`${site.url}/path?a=1`).pipe(HttpClientRequest.setBody(body))
          const end = yield* agree((client) =>
            Effect.flatMap(client.execute(request), (response) =>
              Effect.map(response.text, (text) => [response.status, text]))
          )
          assert.deepStrictEqual(end, [200, method === "HEAD" ? "" : "ok"])
          const [theirs, own] = site.requests
          assert(theirs !== undefined && own !== undefined)
          assert.strictEqual(own.method, method)
          // undici closes the connection after a HEAD; ours is kept
          const headers = method === "HEAD" ? { ...theirs.headers, connection: "keep-alive" } : theirs.headers
          assert.deepStrictEqual(own, { ...theirs, headers })
        }))
    }
  }

  it.scopedLive("the accessors of the client and of the module send what they are called after", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const body = { body: HttpBody.text("x") }
      yield* agree((client) =>
        Effect.gen(function*() {
          yield* client.get(site.url)
          yield* client.head(site.url)
          yield* client.post(site.url, body)
          yield* client.put(site.url, body)
          yield* client.patch(site.url, body)
          yield* client.del(site.url)
          yield* client.options(site.url)
          yield* HttpClient.get(new URL(site.url), { urlParams: { q: "é" } })
          yield* HttpClient.post(site.url, body)
          yield* HttpClient.execute(HttpClientRequest.del(site.url))
        }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      )
      const sent = site.requests.map(({ method, url }) => `${method} ${url}`)
      const once = [...methods, "GET", "POST", "DELETE"].map((method, index) =>
        `${method} /${index === 7 ? "?q=%C3%A9" : ""}`
      )
      assert.sameMembers(sent.slice(0, 7), ["GET /", "HEAD /", "POST /", "PUT /", "PATCH /", "DELETE /", "OPTIONS /"])
      assert.deepStrictEqual(sent, [...once, ...once])
    }))

  it.scopedLive("one connection carries all methods, with and without bodies", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const { client } = yield* ours({ maxConnectionsPerHost: 1 })
      for (const method of methods) {
        for (const body of Object.values(bodies)) {
          const response = yield* client.execute(
            HttpClientRequest.make(method)(site.url).pipe(HttpClientRequest.setBody(body))
          )
          yield* response.text
        }
      }
      assert.strictEqual(site.requests.length, methods.length * Object.keys(bodies).length)
      assert.strictEqual(site.accepted(), 1)
    }))
})
