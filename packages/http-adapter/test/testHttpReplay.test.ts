import { HttpBody, type HttpClient, HttpClientRequest, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import { PooledHttpClient } from "../src/index.ts"
import { bytes, causeOf, type Rig, rig, settle, users } from "./testHttpRig.ts"

const app = Effect.map(HttpServerRequest.HttpServerRequest, (asked) => HttpServerResponse.text(asked.method))

/** A rig with an idle connection, which the server closes at the next so many requests. */
const reused = (requests = 1, options = {}) =>
  Effect.tap(
    rig({ [users]: app }, options),
    ({ client, servers }) => Effect.zipRight(client.get(users), servers.cutBeforeAnswer(users, requests))
  )

/** The requests that arrived after the first one. */
const arrivals = ({ servers }: Rig) =>
  Effect.map(servers.requests(users), (all) => all.slice(1).map(({ connection, method }) => ({ connection, method })))

const body = HttpBody.text("some text")
const stream = () => HttpBody.stream(Stream.make(bytes(10)))

const replayed: Record<string, (client: HttpClient.HttpClient) => ReturnType<HttpClient.HttpClient["get"]>> = {
  GET: (client) => client.get(users),
  HEAD: (client) => client.head(users),
  OPTIONS: (client) => client.options(users),
  PUT: (client) => client.put(users, { body }),
  DELETE: (client) => client.del(users),
  "POST with an Idempotency-Key": (client) => client.post(users, { body, headers: { "idempotency-key": "1" } })
}

const notReplayed: typeof replayed = {
  POST: (client) => client.post(users, { body }),
  "POST of nothing": (client) => client.post(users),
  PATCH: (client) => client.patch(users, { body }),
  "PUT of a stream": (client) => client.put(users, { body: stream() }),
  "GET that must not be replayed": (client) => PooledHttpClient.withOptions(client.get(users), { replay: false })
}

describe("the reuse race", () => {
  for (const [name, send] of Object.entries(replayed)) {
    it.scoped(`sends ${name} once more on a fresh connection`, () =>
      Effect.gen(function*() {
        const made = yield* reused()
        const response = yield* send(made.client)
        assert.strictEqual(response.status, 200)
        yield* response.text
        const { method } = response.request
        assert.deepStrictEqual(yield* arrivals(made), [{ connection: 1, method }, { connection: 2, method }])
        assert.deepInclude(yield* made.stats(), { total: 1, opened: 2, closed: 1 })
      }))
  }

  for (const [name, send] of Object.entries(notReplayed)) {
    it.scoped(`never sends ${name} twice`, () =>
      Effect.gen(function*() {
        const made = yield* reused()
        const error = yield* Effect.flip(send(made.client))
        assert.strictEqual(error.reason, "Transport")
        assert.deepInclude(causeOf(error), { _tag: "ConnectionLost", written: true, answered: false })
        assert.strictEqual((yield* arrivals(made)).length, 1)
        yield* settle
        assert.strictEqual(yield* made.servers.openNow(users), 0)
        assert.strictEqual((yield* send(made.client)).status, 200)
      }))
  }

  it.scoped("sends a request no third time", () =>
    Effect.gen(function*() {
      const made = yield* reused(2)
      assert.strictEqual(causeOf(yield* Effect.flip(made.client.get(users)))._tag, "ConnectionLost")
      assert.strictEqual((yield* arrivals(made)).length, 2)
    }))

  it.scoped("is none on a fresh connection: what was written there is not sent again", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.cutBeforeAnswer(users, 1)
      assert.strictEqual(causeOf(yield* Effect.flip(client.get(users)))._tag, "ConnectionLost")
      assert.strictEqual((yield* servers.requests(users)).length, 1)
    }))

  it.scoped("is none once a part of the response was there", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* reused(0)
      yield* servers.cutAfterHead(users, true)
      const response = yield* client.get(users)
      assert.deepInclude(causeOf(yield* Effect.flip(response.text)), { _tag: "ConnectionLost", answered: true })
      assert.strictEqual((yield* servers.requests(users)).length, 2)
    }))

  it.scoped("may be left to the caller, for a whole host", () =>
    Effect.gen(function*() {
      const { client } = yield* reused(1, { replay: false })
      assert.strictEqual(causeOf(yield* Effect.flip(client.get(users)))._tag, "ConnectionLost")
    }))

  it.scoped("needs no replay when the connection is known to be closed before", () =>
    Effect.gen(function*() {
      const made = yield* reused(0)
      yield* made.servers.cut(users)
      assert.strictEqual((yield* made.client.post(users, { body })).status, 200)
      assert.deepStrictEqual(yield* arrivals(made), [{ connection: 2, method: "POST" }])
      assert.deepInclude((yield* made.stats()).closedBy, { peer: 1 })
    }))

  it.scoped("costs a hundred callers at once nothing but new connections", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { maxConnectionsPerHost: 10 })
      const all = Effect.forEach(Array.from({ length: 100 }), () => Effect.exit(client.get(users)), {
        concurrency: "unbounded"
      })
      yield* all
      for (let round = 0; round < 10; round++) {
        yield* servers.cutBeforeAnswer(users, 5)
        assert.isTrue((yield* all).every(Exit.isSuccess))
        const { active, idle, total } = yield* stats()
        assert.deepStrictEqual([active, idle], [0, total])
      }
      assert.strictEqual(yield* servers.peakOpen(users), 10)
    }))

  it.scoped("takes a fresh connection from the start, if it was asked to", () =>
    Effect.gen(function*() {
      const made = yield* reused(0)
      const request = HttpClientRequest.get(users)
      yield* PooledHttpClient.withOptions(made.client.execute(request), { fresh: true })
      assert.deepStrictEqual(yield* arrivals(made), [{ connection: 2, method: "GET" }])
    }))
})
