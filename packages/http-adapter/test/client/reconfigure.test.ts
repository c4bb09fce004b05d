/** Settings that change while the pool is at work: no request fails of it, and no connection is dropped. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { EgressPolicy, HttpError, Origin, PooledHttpClient } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { answer, ours, released } from "./rig.ts"

const rig = Effect.gen(function*() {
  const held: Array<() => void> = []
  const site = yield* answer(({ url }, response) => {
    if (url === "/held") held.push(() => void response.end("held"))
    else response.end("four")
  })
  const made = yield* ours({ maxConnectionsPerHost: 1, maxResponseSize: 3 })
  return { ...site, ...made, held }
})

describe("reconfigure", () => {
  it.scopedLive("raises and lowers limits while requests wait and are under way", () =>
    Effect.gen(function*() {
      const { client, held, pool, url } = yield* rig
      yield* pool.reconfigure({ maxResponseSize: Infinity })
      const get = Effect.flatMap(client.get(`${url}/held`), (response) => response.text)
      const callers = yield* Effect.all([Effect.fork(get), Effect.fork(get), Effect.fork(get)])
      yield* until("one is under way", Effect.map(pool.stats, ({ active, waiting }) => active === 1 && waiting === 2))
      yield* pool.reconfigure({ maxConnectionsPerHost: 3 })
      yield* until("all are under way", Effect.map(pool.stats, ({ active, waiting }) => active === 3 && waiting === 0))
      yield* pool.reconfigure({ maxConnectionsPerHost: 1 })
      assert.strictEqual((yield* pool.stats).active, 3)
      yield* until("all have arrived", Effect.sync(() => held.length === 3))
      for (const go of held.splice(0)) go()
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(callers)), ["held", "held", "held"])
      yield* released(pool)
      assert.strictEqual((yield* pool.stats).total, 1)
    }))

  it.scopedLive("changes settings of HTTP for connections that are opened from now on, and keeps the others", () =>
    Effect.gen(function*() {
      const { accepted, client, pool, url } = yield* rig
      // a connection that was opened before, and lives on
      yield* client.head(url)
      yield* pool.reconfigure({ maxResponseSize: 4, responseTimeout: "10 seconds" })
      assert.strictEqual((yield* pool.stats).idle, 1)
      assert.strictEqual(accepted(), 1)
      const get = Effect.flatMap(client.get(url), (response) => response.text)
      const old = yield* Effect.flip(get)
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(old))._tag, "BodyTooLarge")
      assert.strictEqual(accepted(), 1)
      assert.strictEqual(yield* get, "four")
      assert.strictEqual(accepted(), 2)
      assert.strictEqual(yield* get.pipe(PooledHttpClient.withOptions({ fresh: true })), "four")
      yield* released(pool)
    }))

  it.scopedLive("several at the same time: none is lost, however the fibers take turns", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* rig
      const names = Array.from({ length: 8 }, (_, index) => `tenant ${index}`)
      const changes = [
        ...names.map((name) => pool.rotate({ [name]: {} })),
        pool.reconfigure({ maxResponseSize: 4 }),
        pool.reconfigure({ egress: EgressPolicy.make([]) })
      ]
      for (let turns = 12; turns < 30; turns++) {
        yield* pool.reconfigure({ identities: {}, maxResponseSize: 3, egress: EgressPolicy.all })
        yield* Effect.all(changes, { concurrency: "unbounded" }).pipe(Effect.withMaxOpsBeforeYield(turns))
        const denied = yield* Effect.flip(client.get(url))
        assert.strictEqual(Option.getOrThrow(HttpError.causeOf(denied))._tag, "EgressDenied")
        yield* pool.reconfigure({ egress: EgressPolicy.all })
        for (const identity of names) {
          const get = Effect.flatMap(client.get(url), (response) => response.text)
          assert.strictEqual(yield* get.pipe(PooledHttpClient.withOptions({ identity, fresh: true })), "four")
        }
      }
    }))

  it.scopedLive("keeps what it is not told, overrides included, and takes new overrides", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.end("four"))
      const { client, pool } = yield* ours({ overrides: () => ({ maxResponseSize: 3, maxConnectionsPerHost: 5 }) })
      const origin = Origin.fromUrl(url)
      assert(origin !== undefined)
      const get = Effect.flatMap(client.get(url), (response) => response.text).pipe(
        PooledHttpClient.withOptions({ fresh: true }),
        Effect.either,
        Effect.map(({ _tag }) => _tag)
      )
      const limit = Effect.map(pool.hostStats(origin), (stats) => Option.getOrThrow(stats).limit)
      assert.strictEqual(yield* get, "Left")
      yield* pool.reconfigure({ maxResponseSize: 100, maxConnectionsPerHost: 50 })
      assert.deepStrictEqual([yield* get, yield* limit], ["Left", 5])
      yield* pool.reconfigure({ overrides: () => ({ maxResponseSize: 4 }) })
      assert.deepStrictEqual([yield* get, yield* limit], ["Right", 50])
      yield* released(pool)
    }))

  it.scopedLive("adds one change to another", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* rig
      yield* pool.reconfigure({ responseTimeout: "10 seconds" })
      yield* pool.reconfigure({ bodyTimeout: "10 seconds" })
      yield* pool.reconfigure({ maxIdle: 5 })
      const error = yield* Effect.flip(Effect.flatMap(client.get(url), (response) => response.text))
      assert.deepInclude(Option.getOrThrow(HttpError.causeOf(error)), { _tag: "BodyTooLarge", limit: 3 })
      yield* released(pool)
    }))

  it.scopedLive("with a wrong value changes nothing at all", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* rig
      const wrong = yield* Effect.flip(pool.reconfigure({ maxResponseSize: 4, responseTimeout: 0 }))
      assert.deepInclude(wrong, { _tag: "ConfigInvalid", field: "responseTimeout", value: 0 })
      const worse = yield* Effect.flip(pool.reconfigure({ maxResponseSize: 4, maxConnectionsPerHost: -1 }))
      assert.deepInclude(worse, { _tag: "ConfigInvalid", field: "maxConnectionsPerHost", value: -1 })
      const error = yield* Effect.flip(Effect.flatMap(client.get(url), (response) => response.text))
      assert.deepInclude(Option.getOrThrow(HttpError.causeOf(error)), { _tag: "BodyTooLarge", limit: 3 })
      yield* released(pool)
    }))

  it.scopedLive("under a load fails no request", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.end("four"))
      const { client, pool } = yield* ours({ maxConnectionsPerHost: 4 })
      const load = yield* Effect.fork(Effect.forEach(
        Array.from({ length: 500 }),
        () => Effect.flatMap(client.get(url), (response) => response.text),
        { concurrency: 20 }
      ))
      yield* Effect.forEach(Array.from({ length: 50 }), (_, index) =>
        Effect.zipRight(
          pool.reconfigure({ maxConnectionsPerHost: 1 + index % 5, unreadTimeout: 1000 + index, readAhead: 1 + index }),
          Effect.yieldNow()
        ))
      assert.deepStrictEqual([...new Set(yield* Fiber.join(load))], ["four"])
      yield* released(pool)
    }))
})
