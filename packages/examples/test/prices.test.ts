/** How an application is tested: its own code, the real client, the real pool; servers in memory, and no real time. */
import { HttpRouter, HttpServerResponse } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { TestHttp } from "@watertight/http-adapter/testing"
import { Effect, Fiber, Layer, TestClock } from "effect"
import { priceOf, pricesOf } from "../src/http/prices.ts"

const host = "http://prices.test"

const prices = HttpRouter.empty.pipe(
  HttpRouter.get("/tea", HttpServerResponse.json({ item: "tea", cents: 250 })),
  HttpRouter.get("/cake", HttpServerResponse.json({ item: "cake", cents: "free" }))
)

it.effect("tells the price, if the answer is one", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* pricesOf(["tea", "cake", "coffee"]), [250, undefined, undefined])
  }).pipe(
    Effect.provide(Layer.provide(PooledHttpClient.layer, TestHttp.layer({ [host]: prices })))
  ))

it.effect("gives up a service that does not answer within 2 seconds, and the connection with it", () =>
  Effect.gen(function*() {
    const servers = yield* TestHttp.make({ [host]: prices })
    yield* Effect.gen(function*() {
      yield* servers.hang(host, true)
      const late = yield* Effect.fork(priceOf("tea"))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(late), undefined)
      assert.strictEqual(yield* servers.openNow(), 0)

      yield* servers.hang(host, false)
      assert.strictEqual(yield* priceOf("tea"), 250)
    }).pipe(Effect.provide(Layer.provide(PooledHttpClient.layer, servers.layer)))
  }))

it.effect("asks for a hundred prices over ten connections", () =>
  Effect.gen(function*() {
    const servers = yield* TestHttp.make({ [host]: prices }, { maxConnectionsPerHost: 10 })
    yield* servers.delay(host, "10 millis")
    yield* Effect.gen(function*() {
      const all = yield* Effect.fork(pricesOf(Array.from({ length: 100 }, () => "tea")))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(new Set(yield* Fiber.join(all)), new Set([250]))
      assert.strictEqual(yield* servers.peakOpen(host), 10)

      const { active, idle } = yield* Effect.flatMap(HttpPool.HttpPool, (pool) => pool.stats)
      assert.deepStrictEqual({ active, idle }, { active: 0, idle: 10 })
    }).pipe(Effect.provide(Layer.provideMerge(PooledHttpClient.layer, servers.layer)))
  }))

it.effect("does not notice that the service closed a connection as the request left", () =>
  Effect.gen(function*() {
    const servers = yield* TestHttp.make({ [host]: prices })
    yield* Effect.gen(function*() {
      assert.strictEqual(yield* priceOf("tea"), 250)
      yield* servers.cutBeforeAnswer(host, 1)
      assert.strictEqual(yield* priceOf("tea"), 250)
      assert.strictEqual(yield* servers.opened(host), 2)
    }).pipe(Effect.provide(Layer.provide(PooledHttpClient.layer, servers.layer)))
  }))
