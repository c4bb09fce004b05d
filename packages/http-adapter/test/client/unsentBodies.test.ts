/** Bodies that are never sent to their end, and values that are never sent at all. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import { createReadStream } from "node:fs"
import { Readable } from "node:stream"
import { HttpError } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { answer, ours, released } from "./rig.ts"

describe("a body that is not sent to its end", () => {
  it.scopedLive("P3: answered early, it costs its connection, and the next request has one of its own", () =>
    Effect.gen(function*() {
      // the first connection is answered and never read again
      const peer = yield* Peer.start({
        onConnect: ({ socket }) => {
          if (peer.connections.length > 1) return
          socket.once("readable", () => socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"))
        },
        onRequest: (connection) => void connection.socket.write(Faults.response())
      })
      const { client, pool } = yield* ours({ maxConnectionsPerHost: 1 })
      const request = HttpClientRequest.post(peer.origin).pipe(
        HttpClientRequest.bodyUint8Array(new Uint8Array(50_000_000))
      )
      const early = yield* client.execute(request)
      const next = yield* Effect.flatMap(client.get(peer.origin), (response) => response.text)
      assert.deepStrictEqual([early.status === 413 || early.status === 200, next], [true, "ok"])
      yield* released(pool)
    }))

  it.scopedLive("a file that is missing is an error, also while it waits for a connection", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.neverAnswers)
      const { client } = yield* ours({ maxConnectionsPerHost: 1, acquireTimeout: "200 millis" })
      const holder = yield* Effect.fork(client.get(peer.origin))
      yield* until("the connection is taken", Effect.sync(() => peer.connections.length === 1))
      const missing = () => client.post(peer.origin, { body: HttpBody.raw(createReadStream("/nowhere/at/all")) })
      const waiting = yield* Effect.flip(missing())
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(waiting))._tag, "AcquireTimeout")
      yield* Fiber.interrupt(holder)
      const sent = yield* Effect.flip(missing())
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(sent))._tag, "RequestBodyFailed")
    }))

  it.scopedLive("a stream of Node's is destroyed when there is no connection for it", () =>
    Effect.gen(function*() {
      const { client } = yield* ours()
      const body = Readable.from([Buffer.from("x")])
      yield* Effect.flip(client.post("http://127.0.0.1:1/", { body: HttpBody.raw(body) }))
      assert.isTrue(body.destroyed)
    }))
})

describe("headers", () => {
  it.scopedLive("a value that is refused is not shown: it may be a secret", () =>
    Effect.gen(function*() {
      const { client } = yield* ours()
      const error = yield* Effect.flip(
        client.get("http://users.test/", { headers: { authorization: "Bearer s3cr3t\n" } })
      )
      assert.strictEqual(error.reason, "Encode")
      assert.include(error.message, "authorization")
      assert.include(error.message, "U+000A at 13 of 14 characters")
      assert.notInclude(JSON.stringify(HttpError.causeOf(error)) + error.message, "s3cr3t")
    }))

  it.scopedLive("names that every object has are names like others", () =>
    Effect.gen(function*() {
      const site = yield* answer(({ headers }, response) => response.end(String(headers["constructor"])))
      const { client } = yield* ours()
      const response = yield* client.get(site.url, { headers: { constructor: "mine" } })
      assert.strictEqual(yield* response.text, "mine")
    }))
})

describe("URLs from outside", () => {
  it.scopedLive("a redirect reaches no Unix socket, unless the settings say so", () =>
    Effect.gen(function*() {
      const site = yield* answer((_, response) =>
        response.writeHead(307, { location: "http+unix://%2Fvar%2Frun%2Fdocker.sock/containers" }).end()
      )
      const { client } = yield* ours({ unixUrls: false })
      const error = yield* Effect.flip(HttpClient.followRedirects(client).get(site.url))
      assert.strictEqual(error.reason, "InvalidUrl")
      assert.include(error.message, "unixUrls")
      // nor by a text that only a parser of URLs takes for one
      const odd = yield* Effect.flip(client.get(" HTTP+unix://%2Fvar%2Frun%2Fdocker.sock/"))
      assert.include(odd.message, "unixUrls")
    }))
})

describe("an empty stream of which more was promised", () => {
  it.scopedLive("P3: is not sent as an empty body", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const { client } = yield* ours()
      const body = HttpBody.stream(Stream.empty, "text/plain", 5)
      const error = yield* Effect.flip(client.post(peer.origin, { body }))
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "RequestBodyFailed")
      assert.strictEqual(peer.requests().length, 0)
    }))
})
