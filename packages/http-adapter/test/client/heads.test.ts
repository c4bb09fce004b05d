/** Status, headers, cookies and address of a response, and how a response looks when it is printed. */
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Inspectable, Option, Ref, Schema, Stream } from "effect"
import { inspect } from "node:util"
import { until } from "../parts/waiting.ts"
import { agree, answer, compare, ours, recorder, released } from "./rig.ts"

describe("as over layerUndici", () => {
  it.scopedLive("headers, also repeated and strange ones", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => {
        response.writeHead(
          200,
          "Fine",
          [
            ["X-One", "1"],
            ["x-two", "a"],
            ["X-Two", "b, c"],
            ["x-empty", ""],
            ["x-spaces", "  in between  "],
            ["set-cookie", "a=1; Path=/"],
            ["Set-Cookie", "b=2, 3; HttpOnly"],
            ["__proto__", "x"],
            ["constructor", "y"],
            ["date", "Thu, 01 Jan 1970 00:00:00 GMT"]
          ].flat()
        )
        response.end("x")
      })
      yield* agree((client) =>
        Effect.map(client.get(url), ({ cookies, headers, status }) => [
          status,
          Object.entries(headers).toSorted(),
          Cookies.toSetCookieHeaders(cookies),
          headers["x-two"],
          "x-none" in headers
        ])
      )
    }))

  it.scopedLive("status codes", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((seen, response) => {
        response.statusCode = Number(seen.url.slice(1))
        response.end()
      })
      const codes = [200, 201, 202, 206, 207, 226, 300, 301, 400, 404, 418, 451, 499, 500, 503, 599, 700, 999]
      const end = yield* agree((client) =>
        Effect.forEach(codes, (code) =>
          Effect.map(
            client.get(`${url}/${code}`),
            HttpClientResponse.matchStatus({
              "2xx": ({ status }) => `good ${status}`,
              "3xx": ({ status }) => `elsewhere ${status}`,
              404: () => "none",
              "4xx": ({ status }) => `bad ${status}`,
              "5xx": ({ status }) => `broken ${status}`,
              orElse: ({ status }) => `odd ${status}`
            })
          ))
      )
      assert.include(end, "none")
      assert.include(end, "odd 999")
    }))

  it.scopedLive("schemas of the body, the head and both", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => {
        response.setHeader("content-type", "application/json")
        response.setHeader("x-id", "7")
        response.end(JSON.stringify({ at: "1970-01-01T00:00:00.000Z" }))
      })
      const Body = Schema.Struct({ at: Schema.Date })
      const end = yield* agree((client) =>
        Effect.gen(function*() {
          const get = client.get(url)
          return [
            yield* Effect.flatMap(get, HttpClientResponse.schemaBodyJson(Body)),
            yield* Effect.flatMap(
              get,
              HttpClientResponse.schemaHeaders(Schema.Struct({ "x-id": Schema.NumberFromString }))
            ),
            yield* Effect.flatMap(get, HttpClientResponse.schemaNoBody(Schema.Struct({ status: Schema.Literal(200) }))),
            yield* Effect.flatMap(get, HttpClientResponse.schemaJson(Schema.Struct({ body: Body }))),
            (yield* Effect.flip(
              Effect.flatMap(get, HttpClientResponse.schemaBodyJson(Schema.Struct({ none: Schema.String })))
            ))._tag
          ]
        })
      )
      const at = { at: new Date(0) }
      assert.deepStrictEqual(end, [at, { "x-id": 7 }, { status: 200 }, { body: at }, "ParseError"])
    }))

  it.scopedLive("cookies that are kept in a Ref", () =>
    Effect.gen(function*() {
      const seen: Array<string | undefined> = []
      const { url } = yield* answer(({ headers }, response) => {
        seen.push(headers.cookie)
        response.setHeader("set-cookie", [`n=${seen.length}; Path=/`, "lang=de; HttpOnly; Max-Age=60"])
        response.end()
      })
      yield* agree((client) =>
        Effect.gen(function*() {
          const ref = yield* Ref.make(Cookies.empty)
          const own = HttpClient.withCookiesRef(client, ref)
          yield* Effect.repeatN(own.get(url), 2)
          return Cookies.toRecord(yield* Ref.get(ref)).lang
        })
      )
      assert.deepStrictEqual(seen, [
        undefined,
        "n=1; lang=de",
        "n=2; lang=de",
        undefined,
        "n=4; lang=de",
        "n=5; lang=de"
      ])
    }))
})

describe("remoteAddress", () => {
  it.scopedLive("is the address that the pool chose; layerUndici has none", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const ends = yield* compare((client) =>
        Effect.map(client.get(url), ({ remoteAddress }) => Option.getOrUndefined(remoteAddress))
      )
      assert.deepStrictEqual(ends, { ours: "127.0.0.1", theirs: undefined })
    }))
})

describe("a response that is printed", () => {
  const headers = { authorization: "Bearer secret", "x-plain": "seen" }

  /** As a logger prints it, which is when secrets are left out. */
  const shown = (response: HttpClientResponse.HttpClientResponse) =>
    Effect.map(Effect.getFiberRefs, (refs) =>
      Inspectable.withRedactableContext(refs, () => [
        JSON.stringify(response),
        String(response),
        // what console.log prints
        inspect(response, { depth: 10 }),
        inspect({ inside: { response } }, { depth: 10 })
      ]))

  it.scopedLive("is the same as over layerUndici, but for the address and the headers of tracing", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => {
        response.writeHead(200, { "content-type": "application/json", "set-cookie": "secret", date: "now" })
        response.end(`{"a":1}`)
      })
      const end = yield* agree((client) =>
        Effect.gen(function*() {
          const response = yield* client.get(url, { headers })
          yield* response.json
          const [json = "", , inspected = ""] = yield* shown(response)
          return [json, inspected].map((text) =>
            text.replace(/"value":"127.0.0.1"|value: '127.0.0.1'/gu, "").replace(/Some|None/gu, "").replace(
              /[\s,]+/gu,
              ""
            )
          )
        }).pipe(Effect.withTracerEnabled(false))
      )
      assert.include(String(end), "seen")
      assert.notInclude(String(end), "secret")
    }))

  it.scopedLive("shows a body that is there, without taking it away", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => {
        response.writeHead(200, { "content-type": "text/plain" }).end("the body")
      })
      const { client } = yield* ours()
      const response = yield* client.get(url, { headers })
      yield* until(
        "the body is there",
        Effect.map(shown(response), (texts) => texts.every((text) => text.includes("the body")))
      )
      for (const text of yield* shown(response)) {
        assert.include(text, "seen")
        assert.notInclude(text, "secret")
      }
      assert.strictEqual(yield* response.text, "the body")
    }))

  it.scopedLive("does not begin to read a body that nobody has read", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => {
        response.writeHead(200, { "content-type": "text/plain" }).end("x".repeat(1024 * 1024))
      })
      const { client, pool } = yield* ours({ unreadTimeout: "20 millis" })
      const response = yield* client.get(url, { headers })
      for (const text of yield* shown(response)) {
        assert.include(text, "seen")
        assert.notInclude(text, "xxx")
        assert.notInclude(text, "secret")
      }
      // nobody reads it, so its connection is closed after a while, as if nobody had looked
      yield* released(pool)
      const error = yield* Effect.flip(response.text)
      assert.match(error.message, /nobody read it within 20 ms/)
      for (const text of yield* shown(response)) assert.include(text, "seen")
    }))

  it.scopedLive("does not disturb whoever reads it", () =>
    Effect.gen(function*() {
      const body = "x".repeat(1024 * 1024)
      const { url } = yield* answer((_, response) => {
        response.writeHead(200, { "content-type": "text/plain" }).end(body)
      })
      const { client } = yield* ours()
      const response = yield* client.get(url)
      const length = yield* Stream.runFoldEffect(
        response.stream,
        0,
        (sum, bytes) => Effect.as(shown(response), sum + bytes.length)
      )
      assert.strictEqual(length, body.length)
      const whole = yield* client.get(url)
      const [text] = yield* Effect.all([whole.text, shown(whole), shown(whole)], { concurrency: "unbounded" })
      assert.strictEqual(text, body)
    }))
})
