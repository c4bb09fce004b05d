import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, TestClock } from "effect"
import { causeOf, failureOf, isUnderWay, type Rig, rig, settle, users } from "./testHttpRig.ts"

const app = HttpServerResponse.text("Ada")

/** So many requests at once, and so that many connections that are idle afterwards. */
const open = ({ client, servers }: Rig, connections: number, host = users) =>
  Effect.gen(function*() {
    yield* servers.hang(host, true)
    const fibers = yield* Effect.all(Array.from({ length: connections }, () => Effect.fork(client.get(host))))
    yield* settle
    yield* servers.hang(host, false)
    yield* Fiber.joinAll(fibers)
  })

/** P7, in passing. */
const counted = ({ pool }: Rig) =>
  Effect.map(pool.stats, ({ hosts, ...all }) => {
    for (const counts of [all, ...hosts]) {
      assert.strictEqual(counts.total, counts.active + counts.idle)
      assert.isAtLeast(Math.min(counts.active, counts.idle, counts.connecting, counts.closing, counts.waiting), 0)
    }
    const { active, idle, total } = all
    return { total, active, idle }
  })

describe("idle connections", () => {
  it.scoped("P4 are closed after the idle timeout, and not before; P7 every snapshot adds up", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { idleTimeout: "60 seconds" })
      yield* open(made, 3)
      assert.deepStrictEqual(yield* counted(made), { total: 3, active: 0, idle: 3 })
      yield* TestClock.adjust("30 seconds")
      yield* made.client.get(users)
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 3, active: 0, idle: 3 })
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      assert.deepStrictEqual((yield* made.stats()).closedBy, { idle: 2 })
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* counted(made), { total: 0, active: 0, idle: 0 })
      assert.strictEqual(yield* made.servers.openNow(users), 0)
    }))

  it.scoped("are closed before the server does it, if that says how long it keeps them", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app })
      yield* made.servers.keepAlive(users, "5 seconds")
      const response = yield* made.client.get(users)
      assert.strictEqual(response.headers["keep-alive"], "timeout=5")
      yield* TestClock.adjust("3 seconds")
      yield* made.client.get(users)
      yield* TestClock.adjust("3999 millis")
      assert.strictEqual(yield* made.servers.openNow(users), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* made.servers.openNow(users), 0)
      assert.deepInclude((yield* made.stats()).closedBy, { aged: 1 })
      assert.strictEqual(yield* made.servers.opened(users), 1)
    }))

  it.scoped("P3 that the server closes are gone at once, and never lent again", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app })
      yield* made.servers.keepAlive(users, "5 seconds", false)
      const response = yield* made.client.get(users)
      assert.isUndefined(response.headers["keep-alive"])
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* counted(made), { total: 0, active: 0, idle: 0 })
      assert.deepInclude((yield* made.stats()).closedBy, { peer: 1 })
      assert.strictEqual((yield* made.client.get(users)).status, 200)
      const connections = (yield* made.servers.requests(users)).map(({ connection }) => connection)
      assert.deepStrictEqual(connections, [1, 2])
    }))

  it.scoped("a server that waits for the next request does not close one at work", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: app })
      yield* servers.keepAlive(users, "5 seconds", false)
      yield* client.get(users)
      yield* servers.delay(users, "10 seconds")
      const fiber = yield* Effect.fork(client.get(users))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }))
})

describe("health checks", () => {
  const onlyChecks = { idleTimeout: "1 hour", dnsRefreshInterval: Infinity } as const

  it.scoped("P3 go to the application, through the connections themselves, when they have been idle", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const watched = Effect.map(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
        asked.push(`${method} ${url}`)
        return HttpServerResponse.empty({ status: 404 })
      })
      const made = yield* rig({ [users]: watched }, { ...onlyChecks, healthCheckPath: "/alive" })
      yield* made.client.get(`${users}/1`)
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast(yield* made.servers.checks(users), 3)
      assert.strictEqual((yield* made.servers.requests(users)).length, 1)
      assert.deepStrictEqual([...new Set(asked)], ["GET /1", "HEAD /alive"])
      // any well-formed answer will do
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      assert.strictEqual(yield* made.servers.opened(users), 1)
    }))

  // The checks come every 10 seconds and take up to 5. A connection that was used since the last round is asked in the next one.
  for (const [used, gone] of [[0, 15], [1, 24], [9, 16]] as const) {
    it.scoped(`P3 a stopped host's idle connections, used ${used} s after a check, are gone ${gone} s later for good`, () =>
      Effect.gen(function*() {
        const made = yield* rig({ [users]: app }, onlyChecks)
        yield* open(made, 3)
        yield* TestClock.adjust(`${used} seconds`)
        yield* open(made, 3)
        yield* made.servers.hang(users, true)
        yield* TestClock.adjust(`${gone * 1000 - 1} millis`)
        assert.strictEqual((yield* counted(made)).total, 3)
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* counted(made), { total: 0, active: 0, idle: 0 })
        assert.deepStrictEqual((yield* made.stats()).closedBy, { unhealthy: 3 })
        assert.strictEqual(yield* made.servers.openNow(users), 0)
        yield* made.servers.hang(users, false)
        yield* made.client.get(users)
        assert.strictEqual((yield* made.servers.requests(users)).at(-1)?.connection, 4)
      }))
  }

  it.scoped("P3 socketOnly believes a stopped host", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { ...onlyChecks, healthCheck: "socketOnly" })
      yield* open(made, 2)
      yield* made.servers.hang(users, true)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* made.servers.checks(users), 0)
      assert.deepStrictEqual(yield* counted(made), { total: 2, active: 0, idle: 2 })
      yield* made.servers.hang(users, false)
    }))

  it.scoped("P10 at most 10 run at once, however many connections there are", () =>
    Effect.gen(function*() {
      let now = 0
      let peak = 0
      const slow = Effect.acquireUseRelease(
        Effect.sync(() => peak = Math.max(peak, ++now)),
        () => Effect.as(Effect.sleep("100 millis"), HttpServerResponse.empty()),
        () => Effect.sync(() => now--)
      )
      const isCheck = Effect.map(HttpServerRequest.HttpServerRequest, ({ method }) => method === "HEAD")
      const made = yield* rig({ [users]: Effect.if(isCheck, { onTrue: () => slow, onFalse: () => app }) }, onlyChecks)
      yield* open(made, 35)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(peak, 10)
      assert.isAtLeast(yield* made.servers.checks(users), 35)
      assert.deepStrictEqual(yield* counted(made), { total: 35, active: 0, idle: 35 })
    }))
})

describe("addresses", () => {
  it.scoped("P5 connections to a departed address go: idle ones at once, busy ones after use", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      const waiting = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => url === "/wait")
      const made = yield* rig({
        [users]: Effect.zipRight(
          Effect.if(waiting, { onTrue: () => Deferred.await(go), onFalse: () => Effect.void }),
          app
        )
      }, { idleTimeout: "1 hour" })
      const { client, servers, stats } = made
      yield* open(made, 2)
      const busy = yield* Effect.fork(client.get(`${users}/wait`))
      yield* settle
      assert.deepStrictEqual(yield* counted(made), { total: 2, active: 1, idle: 1 })
      yield* servers.setAddresses(users, ["10.0.9.9"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 1, idle: 0 })
      const next = yield* client.get(users)
      assert.deepStrictEqual(next.remoteAddress, Option.some("10.0.9.9"))
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual((yield* Fiber.join(busy)).remoteAddress, Option.some("10.0.0.1"))
      yield* settle
      assert.deepStrictEqual(yield* counted(made), { total: 1, active: 0, idle: 1 })
      assert.deepInclude((yield* stats()).closedBy, { addressGone: 2 })
      assert.deepStrictEqual((yield* servers.connections(users)).map(({ address }) => address), ["10.0.9.9"])
    }))

  it.scoped("P5 a resolver that fails keeps the last good answer", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { idleTimeout: "1 hour" })
      yield* made.servers.setTtl(users, "10 seconds")
      yield* made.client.get(users)
      yield* made.servers.failResolve(users, true)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* made.client.get(users)).status, 200)
      yield* made.servers.failResolve(users, false)
      yield* made.servers.setAddresses(users, ["10.0.9.9"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* made.client.get(users)).remoteAddress, Option.some("10.0.9.9"))
    }))
})

describe("the circuit breaker", () => {
  it.scoped("opens for a host that refuses, and closes again when it accepts", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { breaker: { failures: 3, openFor: "10 seconds" } })
      const { client, servers, stats } = made
      yield* servers.refuse(users, true)
      const tag = Effect.map(Effect.flip(client.get(users)), (error) => causeOf(error)._tag)
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* tag, "ConnectFailed")
      assert.strictEqual(yield* tag, "HostUnavailable")
      assert.deepInclude((yield* stats()).addresses[0], { breaker: "open" })
      yield* servers.refuse(users, false)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* client.get(users)).status, 200)
      assert.deepInclude((yield* stats()).addresses[0], { breaker: "closed" })
    }))

  it.scoped("opens for a host that accepts and does not answer", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, {
        responseTimeout: "1 second",
        breaker: { failures: 3, openFor: "10 seconds" }
      })
      const { client, servers } = made
      yield* servers.hang(users, true)
      for (let i = 0; i < 3; i++) {
        const fiber = yield* Effect.fork(client.get(users))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* failureOf(fiber))._tag, "ResponseTimeout")
      }
      assert.strictEqual(causeOf(yield* Effect.flip(client.get(users)))._tag, "HostUnavailable")
      yield* servers.hang(users, false)
    }))

  it.scoped("blames nobody for what our own system refuses", () =>
    Effect.gen(function*() {
      const { client, servers, stats } = yield* rig({ [users]: app }, { breaker: { failures: 3 } })
      yield* servers.localFault(users, true)
      yield* servers.refuse(users, true)
      for (let i = 0; i < 10; i++) {
        assert.deepInclude(causeOf(yield* Effect.flip(client.get(users))), { _tag: "ConnectFailed", code: "EMFILE" })
      }
      assert.deepInclude((yield* stats()).addresses[0], { breaker: "closed" })
    }))
})

describe("limits", () => {
  it.scoped("P1 so many connections and no more, and the first to come is the first to be served", () =>
    Effect.gen(function*() {
      const made = yield* rig({ [users]: app }, { maxConnectionsPerHost: 3 })
      const { client, servers } = made
      yield* servers.delay(users, "1 second")
      const fibers = yield* Effect.all(Array.from({ length: 9 }, () => Effect.fork(client.get(users))))
      for (const done of [3, 6, 9]) {
        yield* TestClock.adjust("999 millis")
        assert.deepInclude(yield* counted(made), { total: 3, active: 3 })
        yield* TestClock.adjust("1 millis")
        for (const [index, fiber] of fibers.entries()) assert.strictEqual(yield* isUnderWay(fiber), index >= done)
      }
      assert.strictEqual(yield* servers.peakOpen(users), 3)
      assert.deepStrictEqual(yield* counted(made), { total: 3, active: 0, idle: 3 })
    }))
})
