/** A body that is read in more than one way: what is there is given again, what is not is a typed error and never a part. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, Fiber, Option, Stream } from "effect"
import { HttpError } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { agree, answer, compare, ours, released } from "./rig.ts"

type Response = HttpClientResponse.HttpClientResponse
type Reading = Effect.Effect<string, HttpClientError.ResponseError>

// Shorter and longer than what is read ahead.
const bodies = { "a short body": "a small text", "a long body": "0123456789".repeat(30_000), "an empty body": "" }

const text = (response: Response): Reading => response.text
const buffer = (response: Response): Reading =>
  Effect.map(response.arrayBuffer, (bytes) => Buffer.from(bytes).toString())
const stream = (response: Response): Reading =>
  Effect.map(Stream.runCollect(response.stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)).toString())

const rig = (body: string) =>
  Effect.gen(function*() {
    const site = yield* answer((_, response) => void response.end(body))
    const made = yield* ours()
    return { ...site, ...made, get: made.client.get(site.url) }
  })

for (const [what, body] of Object.entries(bodies)) {
  describe(what, () => {
    const again: Record<string, readonly [(response: Response) => Reading, (response: Response) => Reading]> = {
      "text, then as an ArrayBuffer": [text, buffer],
      "an ArrayBuffer, then as text": [buffer, text],
      "text, then as a stream": [text, stream],
      "an ArrayBuffer, then as a stream": [buffer, stream]
    }
    for (const [how, [first, second]] of Object.entries(again)) {
      it.scopedLive(`can be read as ${how}, which layerUndici cannot`, () =>
        Effect.gen(function*() {
          const { get, pool } = yield* rig(body)
          const response = yield* get
          for (const read of [first, second, second, first]) assert.strictEqual(yield* read(response), body)
          yield* released(pool)
        }))

      it.scopedLive(`can be read as ${how}, at once`, () =>
        Effect.gen(function*() {
          const { get, pool } = yield* rig(body)
          for (const order of [[first, second], [second, first]] as const) {
            const response = yield* get
            const reads = order.map((read) => Effect.either(read(response)))
            const ends = yield* Effect.all(reads, { concurrency: "unbounded" })
            for (const end of ends) {
              // Whichever comes too late says so. What is given is never a part.
              if (Either.isRight(end)) assert.strictEqual(end.right, body)
              else assert.strictEqual(end.left.reason, "Decode")
            }
            assert.isTrue(ends.some(Either.isRight))
          }
          yield* released(pool)
        }))
    }

    it.scopedLive("is the same as a stream as over layerUndici", () =>
      Effect.gen(function*() {
        const { url } = yield* rig(body)
        assert.strictEqual(yield* agree((client) => Effect.flatMap(client.get(url), stream)), body)
        assert.strictEqual(
          yield* agree((client) =>
            Effect.map(
              Stream.runFold(HttpClientResponse.stream(client.get(url)), "", (all, bytes) => all + Buffer.from(bytes)),
              (all) => all
            )
          ),
          body
        )
      }))

    it.scopedLive("is gone after it was read as a stream, and says so", () =>
      Effect.gen(function*() {
        const { get, pool } = yield* rig(body)
        for (const read of [text, buffer, stream, (response: Response) => Effect.map(response.json, String)]) {
          const response = yield* get
          assert.strictEqual(yield* stream(response), body)
          for (let round = 0; round < 2; round++) {
            const error = yield* Effect.flip(read(response))
            assert.deepInclude(error, { _tag: "ResponseError", reason: "Decode" })
            assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "BodyClosed")
            assert.match(error.message, /it was read as a stream before/)
          }
        }
        yield* released(pool)
      }))
  })
}

describe("a body read in part", () => {
  it.scopedLive("is gone as a whole", () =>
    Effect.gen(function*() {
      const { get, pool } = yield* rig(bodies["a long body"])
      const response = yield* get
      yield* Stream.runHead(response.stream)
      assert.strictEqual((yield* Effect.flip(response.text)).reason, "Decode")
      yield* released(pool)
    }))
})

describe("several readers of a long body", () => {
  const long = bodies["a long body"]

  /** A response whose first half is there, and what sends the other one. */
  const halved = Effect.gen(function*() {
    let finish = (): void => {}
    const site = yield* answer((_, response) => {
      response.write(long.slice(0, long.length / 2))
      finish = () => void response.end(long.slice(long.length / 2))
    })
    const made = yield* ours()
    return { ...site, ...made, response: yield* made.client.get(site.url), finish: () => finish() }
  })

  it.scopedLive("go on when one of them is interrupted", () =>
    Effect.gen(function*() {
      const { finish, pool, response } = yield* halved
      const one = yield* Effect.fork(text(response))
      const other = yield* Effect.fork(text(response))
      const streaming = yield* Effect.fork(stream(response))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(one)
      yield* Effect.sync(finish)
      assert.strictEqual(yield* Fiber.join(other), long)
      assert.strictEqual(yield* Fiber.join(streaming), long)
      yield* released(pool)
    }))

  it.scopedLive("close the connection when all of them are interrupted, and the body is gone", () =>
    Effect.gen(function*() {
      const { open, pool, response } = yield* halved
      const one = yield* Effect.fork(text(response))
      const other = yield* Effect.fork(buffer(response))
      yield* Effect.yieldNow()
      yield* Fiber.interruptAll([one, other])
      yield* released(pool)
      yield* until("the server sees the end", Effect.sync(() => open() === 0))
      const error = yield* Effect.flip(text(response))
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "BodyClosed")
      assert.match(error.message, /interrupted/)
    }))
})

describe("a response that cannot have a body", () => {
  const cases = { HEAD: 200, "a 204": 204, "a 205": 205, "a 304": 304 }
  for (const [name, status] of Object.entries(cases)) {
    it.scopedLive(`${name}: has an empty text, null as json, and no stream`, () =>
      Effect.gen(function*() {
        const site = yield* answer((_, response) => {
          response.writeHead(status, status === 200 ? { "content-length": "5" } : {}).end()
        })
        const { accepted, url } = site
        const execute = name === "HEAD" ? "head" : "get"
        const end = yield* agree((client) =>
          Effect.gen(function*() {
            const response = yield* client[execute](url)
            return [response.status, yield* response.text, yield* response.json, yield* response.text]
          })
        )
        assert.deepStrictEqual(end, [status, "", null, ""])
        const before = accepted()
        const { client, pool } = yield* ours()
        for (let round = 0; round < 3; round++) {
          const response = yield* client[execute](url)
          const error = yield* Effect.flip(Stream.runDrain(response.stream))
          assert.deepInclude(error, { _tag: "ResponseError", reason: "EmptyBody" })
        }
        yield* released(pool)
        assert.strictEqual(accepted() - before, 1)
      }))
  }

  it.scopedLive("has an empty stream over layerUndici", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.writeHead(204).end())
      const ends = yield* compare((client) => Effect.flatMap(client.get(url), stream))
      assert.deepStrictEqual(ends, { ours: "ResponseError EmptyBody", theirs: "" })
    }))
})
