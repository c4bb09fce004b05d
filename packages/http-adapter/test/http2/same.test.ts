/** What a program sees does not depend on the version of HTTP that is spoken: the same program over both. */
import * as FetchBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, type Scope, Stream } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Http2 from "node:http2"
import type { AddressInfo } from "node:net"
import { type HttpAdapterConfig, HttpError, PooledHttpClient } from "../../src/index.ts"
import { ours, released, serve } from "../client/rig.ts"

/** What the servers of both versions give to those who answer. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void

const large = Buffer.alloc(300_000, "x")

const answer: Answer = (request, response) => {
  const pieces: Array<Buffer> = []
  request.on("data", (piece: Buffer) => pieces.push(piece))
  request.on("error", () => {})
  request.on("end", () => {
    const body = Buffer.concat(pieces)
    const { pathname, searchParams } = new URL(request.url ?? "", "http://a")
    if (pathname === "/status") response.statusCode = Number(searchParams.get("code"))
    if (pathname === "/hangs") return
    if (pathname === "/redirect") response.writeHead(302, { location: "/end" })
    if (pathname === "/cookies") response.setHeader("set-cookie", ["a=1; Path=/", "b=2, 3"])
    if (pathname === "/head") response.setHeader("x-large", "x".repeat(40_000))
    if (pathname === "/half") return void response.write("half")
    if (pathname === "/large") return void response.end(large)
    if (pathname === "/mirror") {
      response.setHeader("content-type", "application/json")
      const { authorization, "content-length": length, "content-type": type, "x-test": test } = request.headers
      const { method, url } = request
      return void response.end(JSON.stringify({ method, url, length, type, test, authorization, body: body.length }))
    }
    response.end(request.method === "HEAD" || response.statusCode === 204 ? undefined : pathname)
  })
}

const serve2: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.async<readonly [Http2.Http2Server, Set<Http2.ServerHttp2Session>]>((resume) => {
      const sessions = new Set<Http2.ServerHttp2Session>()
      // its requests and responses have what those of HTTP/1.1 have, but for a few that are not used here
      const made = Http2.createServer(answer as never)
      made.on("session", (session) => void sessions.add(session))
      made.listen(0, "127.0.0.1", () => resume(Effect.succeed([made, sessions])))
    }),
    ([made, sessions]) =>
      Effect.async<void>((resume) => {
        made.close(() => resume(Effect.void))
        for (const session of sessions) session.destroy()
      })
  ),
  // a port of a server over TCP
  ([made]) => `http://127.0.0.1:${(made.address() as AddressInfo).port}`
)

type Program = (client: HttpClient.HttpClient, url: string) => Effect.Effect<unknown, unknown, Scope.Scope>

const tagOf = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.match(effect, {
    onSuccess: () => "no error",
    onFailure: (error) =>
      Option.match(HttpError.causeOf(error as never), { onNone: () => "no cause", onSome: ({ _tag }) => _tag })
  })

const json = (response: HttpClientResponse.HttpClientResponse) => response.json
const withBody = (body: FetchBody.HttpBody): Program => (client, url) =>
  Effect.flatMap(client.execute(HttpClientRequest.post(`${url}/mirror`, { body })), json)

const programs: Record<string, readonly [program: Program, expected: unknown]> = {
  "a request with a query and headers": [
    (client, url) =>
      Effect.flatMap(
        client.get(`${url}/mirror?a=1&b=%20`, { headers: { "x-test": "yes", connection: "x-other", te: "gzip" } }),
        json
      ),
    { method: "GET", url: "/mirror?a=1&b=%20", test: "yes", body: 0 }
  ],
  "credentials in the URL": [
    (client, url) =>
      Effect.map(
        Effect.flatMap(client.get(url.replace("//", "//u:p@") + "/mirror"), json),
        (all) => (all as { authorization: string }).authorization
      ),
    "Basic dTpw"
  ],
  "a text": [withBody(FetchBody.text("text")), {
    method: "POST",
    url: "/mirror",
    length: "4",
    type: "text/plain",
    body: 4
  }],
  "no text": [withBody(FetchBody.text("")), {
    method: "POST",
    url: "/mirror",
    length: "0",
    type: "text/plain",
    body: 0
  }],
  "bytes": [
    withBody(FetchBody.uint8Array(large)),
    { method: "POST", url: "/mirror", length: "300000", type: "application/octet-stream", body: 300_000 }
  ],
  "a stream": [
    withBody(FetchBody.stream(Stream.make(large, large))),
    { method: "POST", url: "/mirror", type: "application/octet-stream", body: 600_000 }
  ],
  "a stream that fails": [
    (client, url) =>
      tagOf(withBody(FetchBody.stream(Stream.concat(Stream.make(large), Stream.fail("no"))))(client, url)),
    "RequestBodyFailed"
  ],
  "a stream that is too short": [
    (client, url) => tagOf(withBody(FetchBody.stream(Stream.make(Buffer.from("short")), "a/b", 10))(client, url)),
    "RequestBodyFailed"
  ],
  "statuses": [
    (client, url) =>
      Effect.forEach(
        [200, 201, 204, 304, 404, 503],
        (code) =>
          Effect.flatMap(client.get(`${url}/status?code=${code}`), ({ status, text }) =>
            Effect.map(text, (body) => [status, body]))
      ),
    [[200, "/status"], [201, "/status"], [204, ""], [304, ""], [404, "/status"], [503, "/status"]]
  ],
  "HEAD": [
    (client, url) =>
      Effect.flatMap(client.head(`${url}/large`), ({ status, text }) => Effect.map(text, (body) => [status, body])),
    [200, ""]
  ],
  "cookies": [
    (client, url) =>
      Effect.map(
        client.get(`${url}/cookies`),
        ({ cookies, headers }) => [Object.keys(cookies.cookies), headers["set-cookie"]]
      ),
    [["a", "b"], "a=1; Path=/, b=2, 3"]
  ],
  "redirects": [
    (client, url) => Effect.flatMap(HttpClient.followRedirects(client).get(`${url}/redirect`), ({ text }) => text),
    "/end"
  ],
  "a body in pieces": [
    (client, url) =>
      Effect.flatMap(
        client.get(`${url}/large`),
        ({ stream }) => Stream.runFold(stream, 0, (sum, { length }) => sum + length)
      ),
    300_000
  ],
  "a body that is left": [
    (client, url) =>
      Effect.flatMap(
        client.get(`${url}/large`),
        ({ stream }) => Effect.map(Stream.runHead(stream), ({ _tag }) => _tag)
      ),
    "Some"
  ],
  "a body that nobody reads": [(client, url) => Effect.map(client.get(`${url}/half`), ({ status }) => status), 200],
  "a body whose scope closes": [
    (client, url) => Effect.flatMap(Effect.scoped(client.get(`${url}/half`)), ({ text }) => tagOf(text)),
    "BodyClosed"
  ],
  "a head that is too large": [(client, url) => tagOf(client.get(`${url}/head`)), "HeadersTooLarge"],
  "a body that is too large": [
    (client, url) =>
      tagOf(
        Effect.flatMap(client.get(`${url}/large`), ({ text }) => text).pipe(
          PooledHttpClient.withOptions({ maxResponseSize: 1_000 })
        )
      ),
    "BodyTooLarge"
  ],
  "an answer that does not come": [
    (client, url) =>
      tagOf(client.get(`${url}/hangs`).pipe(PooledHttpClient.withOptions({ responseTimeout: "20 millis" }))),
    "ResponseTimeout"
  ],
  "a body that pauses": [
    (client, url) =>
      tagOf(
        Effect.flatMap(client.get(`${url}/half`), ({ text }) => text).pipe(
          PooledHttpClient.withOptions({ bodyTimeout: "20 millis" })
        )
      ),
    "BodyTimeout"
  ]
}

const options: Partial<HttpAdapterConfig.Options> = { unreadTimeout: "50 millis" }

describe("over HTTP/1.1 as over HTTP/2", () => {
  for (const [name, [program, expected]] of Object.entries(programs)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const old = yield* serve(answer)
        const url = yield* serve2
        for (const [http2, at] of [["never", old.url], ["always", url]] as const) {
          const { client, pool } = yield* ours({ ...options, http2 })
          const seen = yield* program(client, at)
          assert.deepStrictEqual(JSON.parse(JSON.stringify(seen)), expected, `http2: ${http2}`)
          yield* released(pool)
        }
      }))
  }
})
