import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { PooledHttpClient } from "../../src/index.ts"
import * as Descriptors from "../parts/descriptors.ts"
import * as Nginx from "../parts/nginx.ts"
import { lacks } from "../parts/programs.ts"
import { hashOf } from "../parts/site.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { connectionsOf, echoOf, hostOf, rig, textOf } from "./rig.ts"

describe.skipIf(lacks("nginx", "openssl"))("nginx", () => {
  it.scopedLive("P3 a connection that nginx closes for its idleness is gone, and the next request does not notice", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ keepaliveTimeout: "2s" })
      const rigged = yield* rig()
      const first = yield* echoOf(rigged, `${nginx.origin}/echo`)
      assert.strictEqual((yield* echoOf(rigged, `${nginx.origin}/echo`)).connection, first.connection)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      assert.deepStrictEqual((yield* hostOf(rigged, nginx.origin)).closedBy, { peer: 1 })
      assert.notStrictEqual((yield* echoOf(rigged, `${nginx.origin}/echo`)).connection, first.connection)
    }))

  it.scopedLive("P1 P7 where a connection may carry 3 requests it carries 3, and no request fails", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ keepaliveRequests: 3 })
      const rigged = yield* rig({ maxConnectionsPerHost: 4 })
      const url = `${nginx.origin}/echo`
      const alone = yield* Effect.replicateEffect(echoOf(rigged, url), 9)
      assert.deepStrictEqual(alone.map((echo) => echo.nth), [1, 2, 3, 1, 2, 3, 1, 2, 3])
      const together = yield* Effect.all(Array.from({ length: 300 }, () => echoOf(rigged, url)), { concurrency: 12 })
      const carried = new Map<number, number>()
      for (const { connection } of together) carried.set(connection, (carried.get(connection) ?? 0) + 1)
      assert.isAtMost(Math.max(...carried.values()), 3)
      // All but the last four have carried as many as they may.
      assert.isAtMost(carried.size, 100 + 4)
      const { active, idle, total, waiting } = yield* rigged.pool.stats
      assert.deepStrictEqual({ active, waiting }, { active: 0, waiting: 0 })
      assert.strictEqual(total, active + idle)
    }))

  it.scopedLive("P3 no request fails while nginx reloads under load, whenever it closes the connections of before", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const rigged = yield* rig({ maxConnectionsPerHost: 8 })
      /** who has answered each of eight callers most recently */
      const workers = Array.from({ length: 8 }, () => 0)
      const caller = (index: number) =>
        Effect.forever(Effect.map(echoOf(rigged, `${nginx.origin}/echo`), ({ worker }) => {
          workers[index] = worker
        }))
      const asking = yield* Effect.fork(Effect.all(workers.map((_, index) => caller(index)), { concurrency: 8 }))
      const known = new Set([0])
      const allAnsweredByNewOne = until(
        "all callers are answered by a new worker",
        Effect.sync(() => workers.every((worker) => !known.has(worker)) || asking.unsafePoll() !== null)
      )
      yield* allAnsweredByNewOne
      for (let reload = 0; reload < 3; reload++) {
        for (const worker of workers) known.add(worker)
        yield* nginx.reload
        yield* allAnsweredByNewOne
      }
      assert.isTrue(Option.isNone(yield* Fiber.poll(asking)), "a request failed")
      yield* Fiber.interrupt(asking)
    }))

  it.scopedLive("a Unix socket is named by the URL or by the options, and is the host of both", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const rigged = yield* rig()
      const byUrl = yield* echoOf(rigged, `http+unix://${encodeURIComponent(nginx.socketPath)}/echo?by=url`)
      assert.deepInclude(byUrl, { server: "unix", uri: "/echo?by=url", host: "localhost" })
      const byOptions = echoOf(rigged, "http://docker.test/echo").pipe(
        PooledHttpClient.withOptions({ socketPath: nginx.socketPath })
      )
      assert.deepInclude(yield* byOptions, { server: "unix", uri: "/echo", host: "docker.test", nth: 1 })
      assert.deepInclude(yield* byOptions, { nth: 2 })
      const { addresses, total } = yield* hostOf(rigged, "http://docker.test", nginx.socketPath)
      assert.deepStrictEqual(addresses.map((one) => one.address), [`unix:${nginx.socketPath}`])
      assert.strictEqual(total, 1)
    }))

  it.scopedLive("a big body comes whole as a stream, and gives its connection back; one left early costs it", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start({ bigBytes: 32 * 1024 * 1024 })
      const rigged = yield* rig({ maxConnectionsPerHost: 1 })
      const stream = Stream.unwrap(Effect.map(rigged.client.get(`${nginx.origin}/big`), (response) => response.stream))
      const whole = yield* Stream.runCollect(stream)
      const bytes = Buffer.concat(Chunk.toReadonlyArray(whole))
      assert.strictEqual(bytes.length, nginx.site.bigBytes)
      assert.strictEqual(hashOf(bytes), nginx.site.bigHash)
      const echo = yield* echoOf(rigged, `${nginx.origin}/echo`)
      assert.strictEqual(echo.nth, 2)
      assert.isTrue(Option.isSome(yield* Stream.runHead(stream)))
      // The limit is one connection: nobody gets further if the one of the stream is still held.
      assert.notStrictEqual((yield* echoOf(rigged, `${nginx.origin}/echo`)).connection, echo.connection)
    }))

  it.scopedLive("P6 interrupting a caller amid a slow body closes its connection, and nginx sees that", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const rigged = yield* rig()
      const reading = yield* Effect.fork(textOf(rigged, `${nginx.origin}/slow`))
      yield* until("the request is under way", Effect.map(rigged.pool.stats, (stats) => stats.active === 1))
      yield* Fiber.interrupt(reading)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      // It logs a request when it is over; this one would take a minute.
      yield* untilEqual("requests that nginx has seen the end of", Effect.map(nginx.seen, (seen) => seen.length), 1)
      assert.deepStrictEqual((yield* hostOf(rigged, nginx.origin)).closedBy, { interrupted: 1 })
    }))

  it.scopedLive.skipIf(!Descriptors.available)(
    "P2 when the pool closes no socket of it is left, nor at nginx",
    () =>
      Effect.gen(function*() {
        const nginx = yield* Nginx.start()
        const before = yield* Descriptors.sockets
        const scope = yield* Scope.make()
        const rigged = yield* Scope.extend(rig(), scope)
        yield* Effect.all(Array.from({ length: 40 }, () => textOf(rigged, `${nginx.origin}/`)), { concurrency: 20 })
        const slow = yield* Effect.fork(textOf(rigged, `${nginx.origin}/slow`))
        yield* until("the slow one is under way", Effect.map(rigged.pool.stats, (stats) => stats.active === 1))
        const { total } = yield* rigged.pool.stats
        assert.isAbove(total, 1)
        assert.strictEqual(yield* Descriptors.sockets, before + total)
        yield* Scope.close(scope, Exit.void)
        yield* Descriptors.awaitSockets(before, 1_000)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(slow)))
      })
  )
})
