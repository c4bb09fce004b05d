/** `HttpClient.withScope`: a response ends with the scope at the latest, however long it would be kept otherwise. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Scope, Stream } from "effect"
import { HttpError } from "../../src/index.ts"
import { answer, compare, type Ours, ours, released } from "./rig.ts"

const mebibyte = Buffer.alloc(1024 * 1024, "x")

/** Nothing besides the scope ends an unread body here. */
const patient = {
  maxConnectionsPerHost: 1,
  unreadTimeout: "1 hour",
  drainTimeout: "1 hour",
  drainLimit: 2 ** 30
} as const

const rig = Effect.gen(function*() {
  const site = yield* answer(({ url }, response) => {
    if (url === "/endless") response.write("begun")
    else response.end(url === "/large" ? mebibyte : "small")
  })
  const { client, pool } = yield* ours(patient)
  return { ...site, client, scoped: HttpClient.withScope(client), pool }
})

/** Nothing is held, at once and not only after a while. */
const isReleased = ({ pool }: Pick<Ours, "pool">) =>
  Effect.map(pool.stats, ({ active }) => assert.strictEqual(active, 0))

describe("the scope around a request", () => {
  it.scopedLive("ends what nobody has begun to read, without withScope", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* rig
      for (let round = 0; round < 5; round++) {
        const response = yield* Effect.scoped(client.get(`${url}/large`))
        yield* isReleased({ pool })
        const error = yield* Effect.flip(response.text)
        assert.include(error.message, "its scope has closed")
      }
      // what was read ahead stays, and what was closed is no longer kept by the scope
      const small = yield* Effect.scoped(client.get(`${url}/small`))
      assert.strictEqual(yield* small.text, "small")
    }))

  it.scopedLive("leaves a body to somebody who reads it, and a fiber that outlives it alone", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* rig
      const begun = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const size = (path: string) =>
        Effect.flatMap(
          client.get(url + path),
          (response) =>
            Stream.runFoldEffect(response.stream, 0, (sum, { length }) =>
              Effect.as(Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(goOn)), sum + length))
        )
      const reader = yield* Effect.scoped(Effect.zipLeft(
        Effect.forkDaemon(Effect.zip(size("/large"), size("/large"))),
        Deferred.await(begun)
      ))
      yield* Deferred.succeed(goOn, undefined)
      assert.deepStrictEqual(yield* Fiber.join(reader), [mebibyte.length, mebibyte.length])
      yield* isReleased({ pool })
    }))
})

describe("withScope", () => {
  for (const path of ["/small", "/large", "/endless"]) {
    it.scopedLive(`${path}: what nobody reads is back at the end of the scope`, () =>
      Effect.gen(function*() {
        const { client, pool, scoped, url } = yield* rig
        for (let round = 0; round < 5; round++) {
          yield* Effect.scoped(scoped.get(url + path))
          yield* isReleased({ pool })
        }
        assert.strictEqual(yield* Effect.flatMap(client.get(`${url}/small`), (response) => response.text), "small")
      }))

    it.scopedLive(`${path}: what is read half-way is back at the end of the scope`, () =>
      Effect.gen(function*() {
        const { pool, scoped, url } = yield* rig
        const first = scoped.get(url + path).pipe(
          Effect.flatMap((response) => Stream.runHead(response.stream)),
          Effect.scoped
        )
        for (let round = 0; round < 5; round++) {
          assert.isTrue(Option.isSome(yield* first))
          yield* isReleased({ pool })
        }
      }))
  }

  it.scopedLive("ends a reader that the scope leaves behind", () =>
    Effect.gen(function*() {
      const { pool, scoped, url } = yield* rig
      const scope = yield* Scope.make()
      const response = yield* Scope.extend(scoped.get(`${url}/endless`), scope)
      const begun = yield* Deferred.make<void>()
      const reader = yield* Effect.fork(
        Stream.runForEach(response.stream, () => Deferred.succeed(begun, void 0))
      )
      yield* Deferred.await(begun)
      yield* Scope.close(scope, Exit.void)
      const error = yield* Effect.flip(Fiber.join(reader))
      assert.deepInclude(error, { _tag: "ResponseError", reason: "Decode" })
      assert.deepInclude(Option.getOrThrow(HttpError.causeOf(error)), {
        _tag: "BodyClosed",
        reason: "its scope has closed"
      })
      yield* isReleased({ pool })
    }))

  it.scopedLive("what was whole before can be read after the scope; what was not says why it cannot", () =>
    Effect.gen(function*() {
      const { pool, scoped, url } = yield* rig
      const small = yield* Effect.scoped(scoped.get(`${url}/small`))
      const large = yield* Effect.scoped(scoped.get(`${url}/large`))
      assert.strictEqual(yield* small.text, "small")
      const error = yield* Effect.flip(large.text)
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "BodyClosed")
      assert.match(error.message, /its scope has closed/)
      yield* isReleased({ pool })
    }))

  it.scopedLive("a response read to its end before does not cost the connection", () =>
    Effect.gen(function*() {
      const { accepted, pool, scoped, url } = yield* rig
      for (let round = 0; round < 5; round++) {
        const text = yield* Effect.scoped(Effect.flatMap(scoped.get(`${url}/large`), (response) => response.text))
        assert.strictEqual(text.length, mebibyte.length)
        yield* isReleased({ pool })
      }
      assert.strictEqual(accepted(), 1)
    }))

  it.scopedLive("is kept by the platform's client as well", () =>
    Effect.gen(function*() {
      const { url } = yield* rig
      const ends = yield* compare((client) =>
        Effect.scoped(HttpClient.withScope(client).get(`${url}/endless`)).pipe(
          Effect.flatMap((response) => Effect.flip(response.text)),
          Effect.map(({ _tag, reason }) => [_tag, reason])
        )
      )
      assert.deepStrictEqual(ends, { ours: ["ResponseError", "Decode"], theirs: ["ResponseError", "Decode"] })
    }))
})

describe("a pool that ends", () => {
  it.scopedLive("P9 ends the responses that are being read, and those that nobody reads", () =>
    Effect.gen(function*() {
      const { url } = yield* rig
      const scope = yield* Scope.make()
      const { client, pool } = yield* Scope.extend(
        ours({ ...patient, maxConnectionsPerHost: 2, shutdownGrace: 0 }),
        scope
      )
      const unread = yield* client.get(`${url}/endless`)
      const read = yield* client.get(`${url}/endless`)
      const reader = yield* Effect.fork(read.text)
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      yield* released(pool)
      assert.strictEqual((yield* Effect.flip(Fiber.join(reader)))._tag, "ResponseError")
      assert.strictEqual((yield* Effect.flip(unread.text))._tag, "ResponseError")
    }))
})
