/**
 * Programs that drop responses, on a pool with one connection: none may deadlock, none may hold the connection, and all end as
 * they do over the client that ours replaces.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, type Scope, Stream } from "effect"
import type { ServerResponse } from "node:http"
import { agree, answer, ours } from "./rig.ts"

const short = "10 millis"
const mebibyte = Buffer.alloc(1024 * 1024, "x")

/** What stands in the body of every answer. */
const bodies: Record<string, (response: ServerResponse) => void> = {
  "a small body": (response) => void response.end("small"),
  "a body of 1 MiB": (response) => void response.setHeader("content-length", mebibyte.length).end(mebibyte),
  "1 MiB in chunks": (response) => {
    for (let i = 0; i < 16; i++) response.write(mebibyte.subarray(0, mebibyte.length / 16))
    response.end()
  },
  "a body that does not end": (response) => void response.write("begun")
}

/** Answers with the status that the path names; `/2?hops` leads through redirects, `/busy/2` answers 503 twice before. */
const site = (respond: (response: ServerResponse) => void) => {
  const busy = new Map<string, number>()
  return answer(({ url }, response) => {
    const [, kind = "", detail = ""] = url.split("/")
    if (kind === "hangs") return
    if (kind === "done") return void response.end("done")
    if (kind === "redirects" && detail !== "0") {
      response.setHeader("location", `/redirects/${Number(detail) - 1}`)
      response.statusCode = 302
    } else if (kind === "busy") {
      const before = busy.get(url) ?? 0
      busy.set(url, before + 1)
      response.statusCode = before % 3 < 2 ? 503 : 200
    } else if (kind === "status") response.statusCode = Number(detail)
    respond(response)
  })
}

type Use = (
  client: HttpClient.HttpClient,
  url: string
) => Effect.Effect<unknown, unknown, Scope.Scope>

const status = <E>(response: Effect.Effect<HttpClientResponse.HttpClientResponse, E, Scope.Scope>) =>
  Effect.map(response, (got) => got.status)

const uses: Record<string, Use> = {
  "nobody reads": (client, url) => status(client.get(`${url}/status/200`)),
  "Effect.scoped": (client, url) => Effect.scoped(status(client.get(`${url}/status/200`))),
  withScope: (client, url) => Effect.scoped(status(HttpClient.withScope(client).get(`${url}/status/200`))),
  "withScope, read to the first piece": (client, url) =>
    HttpClient.withScope(client).get(`${url}/status/200`).pipe(
      Effect.flatMap((response) => Stream.runHead(response.stream)),
      Effect.map((first) => first._tag),
      Effect.scoped
    ),
  filterStatusOk: (client, url) => Effect.flip(HttpClient.filterStatusOk(client).get(`${url}/status/404`)),
  filterStatus: (client, url) =>
    Effect.flip(HttpClient.filterStatus(client, (code) => code === 204).get(`${url}/status/200`)),
  filterOrFail: (client, url) =>
    Effect.flip(HttpClient.filterOrFail(client, () => false, () => "no").get(`${url}/status/200`)),
  followRedirects: (client, url) => status(HttpClient.followRedirects(client).get(`${url}/redirects/3`)),
  "followRedirects, too many": (client, url) => status(HttpClient.followRedirects(client, 2).get(`${url}/redirects/4`)),
  "followRedirects and withScope": (client, url) =>
    client.pipe(HttpClient.withScope, HttpClient.followRedirects(5)).get(`${url}/redirects/2`).pipe(
      status,
      Effect.scoped
    ),
  retryTransient: (client, url) => status(HttpClient.retryTransient(client, { times: 3 }).get(`${url}/busy/1`)),
  "retryTransient after filterStatusOk": (client, url) =>
    status(client.pipe(HttpClient.filterStatusOk, HttpClient.retryTransient({ times: 3 })).get(`${url}/busy/1`)),
  "timeout before the answer": (client, url) => Effect.flip(Effect.timeout(client.get(`${url}/hangs`), short)),
  "timeout of one who has the response": (client, url) =>
    client.get(`${url}/status/200`).pipe(
      Effect.zipRight(Effect.never),
      Effect.timeoutOption(short),
      Effect.map((late) => late._tag)
    ),
  "race with an answer": (client, url) =>
    Effect.race(Effect.flatMap(client.get(`${url}/done`), (response) => response.text), client.get(`${url}/hangs`)),
  "race of two requests": (client, url) =>
    status(Effect.race(client.get(`${url}/status/200`), client.get(`${url}/status/200`))),
  "race with the clock": (client, url) => Effect.race(client.get(`${url}/hangs`), Effect.as(Effect.sleep(short), 0)),
  "a stream left after its first piece": (client, url) =>
    client.get(`${url}/status/200`).pipe(
      Effect.flatMap((response) => Stream.runHead(response.stream)),
      Effect.map((first) => first._tag)
    ),
  "a stream that its reader fails": (client, url) =>
    HttpClientResponse.stream(client.get(`${url}/status/200`)).pipe(
      Stream.mapEffect(() => Effect.fail("enough")),
      Stream.runDrain,
      Effect.flip
    ),
  "a stream that is interrupted": (client, url) =>
    client.get(`${url}/status/200`).pipe(
      Effect.flatMap((response) => Stream.runForEach(response.stream, () => Effect.never)),
      Effect.timeoutOption(short),
      Effect.map((late) => late._tag)
    ),
  "an interrupted fiber": (client, url) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(client.get(`${url}/hangs`))
      yield* Effect.yieldNow()
      return (yield* Fiber.interrupt(fiber))._tag
    }),
  "looking at the head alone": (client, url) =>
    Effect.flatMap(
      client.get(`${url}/status/200`),
      HttpClientResponse.schemaNoBody(Schema.Struct({ status: Schema.Number }))
    ),
  matchStatus: (client, url) =>
    Effect.map(
      client.get(`${url}/status/404`),
      HttpClientResponse.matchStatus({ "2xx": () => "good", 404: () => "none", orElse: () => "bad" })
    ),
  "a HEAD": (client, url) => status(client.head(`${url}/done`))
}

const rounds = 5

describe("with one connection", () => {
  for (const [what, respond] of Object.entries(bodies)) {
    for (const [name, use] of Object.entries(uses)) {
      it.scopedLive(`${name}, ${what}`, () =>
        Effect.gen(function*() {
          const { url } = yield* site(respond)
          const end = yield* agree(
            (client) =>
              Effect.gen(function*() {
                const ends: Array<unknown> = []
                for (let round = 0; round < rounds; round++) ends.push(yield* use(client, url))
                const response = yield* client.get(`${url}/done`)
                return [...ends.map(tell), yield* response.text]
              }),
            { maxConnectionsPerHost: 1, unreadTimeout: short, drainTimeout: short, acquireTimeout: "5 seconds" }
          )
          assert(Array.isArray(end) && end.length === rounds + 1 && end.at(-1) === "done", String(end))
        }))
    }
  }
})

describe("small bodies that nobody reads do not cost the connection", () => {
  const names = ["nobody reads", "withScope", "filterStatusOk", "followRedirects", "retryTransient", "a HEAD"]
  for (const name of names) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const { accepted, url } = yield* site((response) => void response.end("small"))
        const { client } = yield* ours({ maxConnectionsPerHost: 1 })
        yield* Effect.repeatN(Effect.suspend(() => uses[name]!(client, url)), rounds)
        assert.strictEqual(accepted(), 1)
      }))
  }
})

/** Errors by what programs match. */
const tell = (end: unknown): unknown =>
  typeof end === "object" && end !== null && "_tag" in end ? [end._tag, "reason" in end ? end.reason : ""] : end
