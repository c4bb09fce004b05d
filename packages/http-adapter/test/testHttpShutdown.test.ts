import { HttpBody, HttpClient, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type HttpAdapterConfig, HttpPool, PooledHttpClient } from "../src/index.ts"
import { TestHttp, type TestServers } from "../src/testing/index.ts"
import { bytes, causeOf, failureOf, isUnderWay, rig, settle, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")
const large = HttpServerResponse.uint8Array(bytes(200_000))
/** 1 KB a second */
const drip = Stream.schedule(Stream.repeatValue(bytes(1000)), Schedule.spaced("1 second"))
const dripping = (seconds: number) => HttpServerResponse.stream(Stream.take(drip, seconds))

describe("shutdown", () => {
  it.scoped("P9 a response that streams may end within the grace", () =>
    Effect.gen(function*() {
      const { client, pool, servers } = yield* rig({ [users]: dripping(5) }, { shutdownGrace: "10 seconds" })
      const response = yield* client.get(users)
      const reading = yield* Effect.fork(response.arrayBuffer)
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.fork(pool.shutdown)
      yield* settle
      const refused = yield* Effect.flip(client.get(users))
      assert.strictEqual(refused.reason, "Transport")
      assert.strictEqual(causeOf(refused)._tag, "PoolClosed")
      assert.isTrue(yield* isUnderWay(closing))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Fiber.join(reading)).byteLength, 5000)
      assert.deepInclude(yield* Fiber.join(closing), { graceful: 1, cut: 0, abandoned: 0, elapsed: 4000 })
      assert.strictEqual(yield* servers.openNow(), 0)
    }))

  it.scoped("P9 one that streams for longer is cut when the grace is over, and every caller hears the same", () =>
    Effect.gen(function*() {
      const { client, pool, servers, stats } = yield* rig({ [users]: dripping(60) }, {
        shutdownGrace: "10 seconds",
        maxConnectionsPerHost: 2
      })
      const reading = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.arrayBuffer))
      const other = yield* Effect.fork(Effect.flatMap(client.get(users), (response) => response.arrayBuffer))
      yield* settle
      const queued = yield* Effect.fork(client.get(users))
      yield* settle
      assert.deepInclude(yield* stats(), { total: 2, active: 2, waiting: 1 })
      const closing = yield* Effect.all([Effect.fork(pool.shutdown), Effect.fork(pool.shutdown)])
      yield* settle
      assert.strictEqual((yield* failureOf(queued))._tag, "PoolClosed")
      yield* TestClock.adjust("9999 millis")
      assert.isTrue(yield* isUnderWay(reading))
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* failureOf(reading), { _tag: "ConnectionLost", answered: true })
      assert.deepInclude(yield* failureOf(other), { _tag: "ConnectionLost", answered: true })
      const [report, same] = yield* Fiber.join(Fiber.all(closing))
      assert.strictEqual(report, same)
      assert.strictEqual(report?.cut, 2)
      assert.strictEqual(yield* servers.openNow(), 0)
      assert.strictEqual(yield* servers.handling(users), 0)
    }))

  it.scoped("P9 a body that nobody reads does not hold it up for longer than the grace", () =>
    Effect.gen(function*() {
      const { client, pool, servers } = yield* rig({ [users]: large }, { shutdownGrace: "500 millis" })
      const response = yield* client.get(users)
      const closing = yield* Effect.fork(pool.shutdown)
      yield* TestClock.adjust("500 millis")
      assert.deepInclude(yield* Fiber.join(closing), { graceful: 0, cut: 1, elapsed: 500 })
      assert.strictEqual(causeOf(yield* Effect.flip(response.arrayBuffer))._tag, "ConnectionLost")
      assert.strictEqual(yield* servers.openNow(), 0)
    }))
})

/** Every fiber of the process that has not ended, however and by whomever it was forked. */
const liveFibers = Effect.map(Effect.zipRight(settle, Metric.value(Metric.fiberActive)), ({ count }) => count)

interface State {
  readonly options?: Partial<HttpAdapterConfig.Options>
  /** brings it into the state; whoever is still there afterwards is to be interrupted */
  readonly arrange: (
    client: HttpClient.HttpClient,
    servers: TestServers
  ) => Effect.Effect<Fiber.RuntimeFiber<unknown, unknown> | void, unknown, Scope.Scope>
}

const states: Record<string, State> = {
  "was never used": { arrange: () => Effect.void },
  "has idle connections": { arrange: (client) => Effect.asVoid(client.get(`${users}/short`)) },
  "waits for an answer": {
    arrange: (client, servers) => Effect.zipRight(servers.hang(users, true), Effect.fork(client.get(users)))
  },
  "waits for a head that is delayed": {
    arrange: (client, servers) => Effect.zipRight(servers.delay(users, "1 hour"), Effect.fork(client.get(users)))
  },
  "has a body nobody reads": { arrange: (client) => Effect.asVoid(client.get(`${users}/large`)) },
  "has a body that is read": {
    arrange: (client) => Effect.fork(Effect.flatMap(client.get(`${users}/drip`), (response) => response.arrayBuffer))
  },
  "drains a body": {
    arrange: (client) =>
      Effect.flatMap(
        client.get(`${users}/drip`),
        (response) => Effect.fork(Stream.runDrain(Stream.take(response.stream, 1)))
      )
  },
  "sends a body that nobody takes": {
    arrange: (client, servers) =>
      Effect.zipRight(
        servers.hang(users, true),
        Effect.fork(client.post(users, { body: HttpBody.stream(Stream.repeatValue(bytes(1000))) }))
      )
  },
  "has an application that never answers": { arrange: (client) => Effect.fork(client.get(`${users}/never`)) },
  "dials": {
    arrange: (client, servers) => Effect.zipRight(servers.hangConnect(users, true), Effect.fork(client.get(users)))
  },
  "resolves": {
    arrange: (client, servers) => Effect.zipRight(servers.hangResolve(users, true), Effect.fork(client.get(users)))
  },
  "has callers in the queue": {
    options: { maxConnectionsPerHost: 1 },
    arrange: (client, servers) =>
      Effect.zipRight(
        servers.hang(users, true),
        Effect.fork(Effect.all([client.get(users), client.get(users)], { concurrency: "unbounded" }))
      )
  },
  "checks a host that is stopped": {
    arrange: (client, servers) =>
      Effect.gen(function*() {
        yield* client.get(`${users}/short`)
        yield* servers.hang(users, true)
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* servers.handling(users), 1)
      })
  },
  "has a server that waits for the next request": {
    arrange: (client, servers) =>
      Effect.zipRight(servers.keepAlive(users, "20 seconds", false), Effect.asVoid(client.get(`${users}/short`)))
  },
  "has been cut off": {
    arrange: (client, servers) => Effect.zipRight(client.get(`${users}/short`), servers.cut(users))
  }
}

describe("after the scope", () => {
  const paths: Record<string, HttpServerResponse.HttpServerResponse> = {
    "/large": large,
    "/drip": HttpServerResponse.stream(drip)
  }

  for (const [name, { arrange, options }] of Object.entries(states)) {
    it.scoped(`P2 no fiber and no connection is left of a pool that ${name}`, () =>
      Effect.gen(function*() {
        const router = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ url }) =>
          url === "/never" ? Effect.never : Effect.succeed(paths[url] ?? app))
        const servers = yield* TestHttp.make({ [users]: router }, { shutdownGrace: "500 millis", ...options })
        const before = yield* liveFibers
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(Layer.provideMerge(PooledHttpClient.layer, servers.layer), scope)
        const fiber = yield* Scope.extend(arrange(Context.get(context, HttpClient.HttpClient), servers), scope)
        yield* settle
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
        if (fiber !== undefined) {
          yield* Fiber.interrupt(fiber)
        }
        assert.strictEqual(yield* liveFibers, before)
        assert.strictEqual(yield* servers.openNow(), 0)
        assert.strictEqual(yield* servers.handling(users), 0)
      }))
  }

  it.scoped("P2 what an application does to the end ends within the scope", () =>
    Effect.gen(function*() {
      const done = yield* Deferred.make<void>()
      const slow = Effect.ensuring(
        Effect.never,
        Effect.zipRight(Effect.sleep("2 seconds"), Deferred.succeed(done, undefined))
      )
      const servers = yield* TestHttp.make({ [users]: slow })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Layer.provideMerge(PooledHttpClient.layer, servers.layer), scope)
      const fiber = yield* Effect.fork(Context.get(context, HttpClient.HttpClient).get(users))
      yield* settle
      yield* Fiber.interrupt(fiber)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* isUnderWay(closing))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.isTrue(yield* Deferred.isDone(done))
    }))

  it.effect("P2 a test may end while a request is under way, without turning the clock on", () =>
    Effect.gen(function*() {
      const servers = yield* TestHttp.make({ [users]: Effect.never, "http://large.test": large })
      const fiber = yield* Effect.gen(function*() {
        const client = yield* PooledHttpClient.make
        yield* client.get("http://large.test")
        return yield* Effect.zipLeft(Effect.forkDaemon(client.get(users)), settle)
      }).pipe(Effect.provide(servers.layer))
      assert.strictEqual(yield* servers.openNow(), 0)
      assert.strictEqual(causeOf(yield* Effect.flip(Fiber.join(fiber)))._tag, "ConnectionLost")
    }))

  it.scoped("S2 two layers built of the same servers are two pools, one layer graph is one", () =>
    Effect.gen(function*() {
      const servers = yield* TestHttp.make({ [users]: app })
      const ask = Effect.gen(function*() {
        const client = yield* HttpClient.HttpClient
        yield* client.get(users)
        return yield* HttpPool.HttpPool
      })
      const layer = Layer.provideMerge(PooledHttpClient.layer, servers.layer)
      const [one, same, ...more] = yield* Effect.all([ask, ask]).pipe(Effect.provide(layer))
      assert.strictEqual(one, same)
      assert.deepStrictEqual(more, [])
      assert.strictEqual(yield* servers.opened(users), 1)
      assert.notStrictEqual(yield* Effect.provide(ask, layer), one)
      assert.strictEqual(yield* servers.opened(users), 2)
      assert.strictEqual(yield* servers.openNow(), 0)
    }))
})
