/** What programs do after a failure: read the response of the error, send the request again, go on elsewhere. */
import * as Cookies from "@effect/platform/Cookies"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref, Schedule, Schema, Stream } from "effect"
import { agree, answer } from "./rig.ts"

describe("as over layerUndici", () => {
  for (const [what, length] of [["short", 10], ["long", 300_000]] as const) {
    it.scopedLive(`the ${what} body of an error's response can be read by who catches it`, () =>
      Effect.gen(function*() {
        const { url } = yield* answer((_, response) => {
          response.writeHead(422, { "content-type": "application/json" })
          response.end(JSON.stringify({ why: "x".repeat(length) }))
        })
        const end = yield* agree((client) =>
          HttpClient.filterStatusOk(client).get(url).pipe(
            Effect.catchTag("ResponseError", ({ response }) =>
              Effect.flatMap(
                HttpClientResponse.schemaBodyJson(Schema.Struct({ why: Schema.String }))(response),
                ({ why }) => Effect.succeed([response.status, why.length])
              ))
          )
        )
        assert.deepStrictEqual(end, [422, length])
      }))
  }

  const bodies = {
    "a text": () => HttpBody.text("again"),
    "a stream": () => HttpBody.stream(Stream.make(Buffer.from("ag"), Buffer.from("ain"))),
    "a stream of known length": () => HttpBody.stream(Stream.make(Buffer.from("ag"), Buffer.from("ain")), "x/y", 5)
  }
  for (const [name, make] of Object.entries(bodies)) {
    it.scopedLive(`${name} is sent whole each time that a POST is tried again`, () =>
      Effect.gen(function*() {
        const received: Array<string> = []
        const { url } = yield* answer(({ body }, response) => {
          received.push(body.toString())
          response.writeHead(received.length % 3 === 0 ? 200 : 503).end()
        })
        const end = yield* agree((client) =>
          Effect.map(
            HttpClient.retryTransient(client, { times: 5 }).post(url, { body: make() }),
            ({ status }) => status
          )
        )
        assert.strictEqual(end, 200)
        assert.deepStrictEqual(received, Array.from({ length: 6 }, () => "again"))
      }))
  }

  it.scopedLive("a schedule sees the responses and the errors", () =>
    Effect.gen(function*() {
      let count = 0
      const { url } = yield* answer((_, response) => {
        if (++count % 4 === 1) response.destroy()
        else response.writeHead(count % 4 === 0 ? 200 : 429).end()
      })
      const end = yield* agree((client) =>
        HttpClient.retryTransient(client, { schedule: Schedule.recurs(5) }).post(url, { body: HttpBody.text("x") })
          .pipe(
            Effect.map(({ status }) => status)
          )
      )
      assert.strictEqual(end, 200)
      assert.strictEqual(count, 8)
    }))

  it.scopedLive("redirects keep the method, the body and the headers, and cookies follow them", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const { url } = yield* answer(({ body, headers, method, url: path }, response) => {
        seen.push(`${method} ${path} ${body.toString()} ${headers["x-one"]} ${headers.cookie}`)
        if (path === "/one") response.writeHead(307, { location: "two?a=b", "set-cookie": "n=1" })
        if (path.startsWith("/two")) {
          response.writeHead(308, { location: `http://${headers.host}/three`, "set-cookie": "n=2" })
        }
        response.end("end")
      })
      const end = yield* agree((client) =>
        Effect.gen(function*() {
          const ref = yield* Ref.make(Cookies.empty)
          const following = client.pipe(HttpClient.withCookiesRef(ref), HttpClient.followRedirects())
          const response = yield* following.post(`${url}/one`, { headers: { "x-one": "1" }, body: HttpBody.text("x") })
          return [response.status, yield* response.text, Cookies.toRecord(yield* Ref.get(ref))]
        })
      )
      assert.deepStrictEqual(end, [200, "end", { n: "2" }])
      assert.strictEqual(seen.length, 6)
      assert.deepStrictEqual(seen.slice(0, 3), seen.slice(3))
    }))
})
