/** The settings of a client for container engines: one instance for all, few connections, all of them used again. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { HttpPool, PooledHttpClient } from "../../src/index.ts"
import * as Nginx from "../parts/nginx.ts"
import { folder } from "../parts/part.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import type { Rig } from "./rig.ts"
import { connectionsOf, hostOf, rig, textOf } from "./rig.ts"

const settings: Partial<HttpAdapterConfig.Options> = {
  maxIdle: 100,
  maxIdlePerHost: 10,
  maxConnectionsPerHost: 50,
  idleTimeout: "90 seconds",
  tcpKeepAlive: "30 seconds"
}

/** The same request so many times, so many at a time. */
const load = <E>(request: Effect.Effect<unknown, E>, times: number, concurrency: number) =>
  Effect.all(Array.from({ length: times }, () => request), { concurrency, discard: true })

const onUnix = (path: string) => `http+unix://${encodeURIComponent(path)}`

describe.skipIf(lacks("nginx", "openssl"))("the settings of a container client, with nginx", () => {
  it.scopedLive("D1 in a steady load over a Unix socket at least 99 % of the requests reuse a connection", () =>
    Effect.gen(function*() {
      const nginx = yield* Nginx.start()
      const rigged = yield* rig(settings)
      const url = `${onUnix(nginx.socketPath)}/echo`
      yield* load(textOf(rigged, url), 3_000, 10)
      yield* untilEqual("requests in the log", Effect.map(nginx.seen, (seen) => seen.length), 3_000)
      assert.isAtMost(yield* nginx.connections, 10)
      const { acquired, opened, reused } = yield* hostOf(rigged, url)
      assert.isAtMost(opened, 10)
      assert.isAtLeast(reused / acquired, 0.99)
    }))
})

describe("the settings of a container client", () => {
  it.scopedLive("D1 also in bursts of more requests than connections, over TCP, the peer accepts no more than 50", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const rigged = yield* rig(settings)
      for (let burst = 0; burst < 4; burst++) {
        const gate = Faults.gated()
        peer.become(gate.behaviour)
        const before = peer.requests().length
        const asking = yield* Effect.fork(load(textOf(rigged, peer.origin), 120, 120))
        yield* until("50 requests at once", Effect.sync(() => peer.requests().length === before + 50))
        assert.strictEqual(peer.open(), 50)
        assert.deepInclude(yield* rigged.pool.stats, { total: 50, active: 50, waiting: 70 })
        gate.open()
        yield* asking
        // Ten of them stay for the next burst.
        yield* peer.awaitOpen(10)
        assert.deepInclude(yield* rigged.pool.stats, { total: 10, idle: 10 })
      }
      assert.isAtMost(peer.accepted(), 50 + 3 * 40)
    }))

  it.scopedLive("D1 over all hosts at most 100 idle connections stay", () =>
    Effect.gen(function*() {
      const rigged = yield* rig(settings)
      const peers: Array<Peer.Peer> = []
      for (let host = 0; host < 12; host++) {
        const gate = Faults.gated()
        const peer = yield* Peer.start(gate.behaviour)
        peers.push(peer)
        const asking = yield* Effect.fork(load(textOf(rigged, peer.origin), 10, 10))
        yield* until("10 requests at once", Effect.sync(() => peer.requests().length === 10))
        gate.open()
        yield* asking
      }
      const open = Effect.sync(() => peers.reduce((sum, peer) => sum + peer.open(), 0))
      yield* untilEqual("connections that the peers have open", open, 100)
      assert.deepInclude(yield* rigged.pool.stats, { total: 100, idle: 100 })
    }))

  it.scoped("D1 P4 an idle connection is closed after 90 s and not before, as the peer sees it", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      // In virtual time a health check would be over before the peer could answer.
      const rigged = yield* rig({ ...settings, healthCheck: "socketOnly" })
      yield* textOf(rigged, peer.origin)
      yield* TestClock.adjust("89 seconds")
      assert.deepInclude(yield* rigged.pool.stats, { total: 1, idle: 1 })
      assert.strictEqual(peer.open(), 1)
      yield* TestClock.adjust("1 seconds")
      yield* peer.awaitOpen(0)
    }))

  it.scopedLive.skipIf(!Fs.existsSync("/proc/self/net/tcp"))(
    "D1 TCP asks after 30 s whether the peer is there",
    () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.answers())
        const rigged = yield* rig(settings)
        yield* textOf(rigged, peer.origin)
        // "sl local remote state queues timer:when …", numbers in hex; the kernel's word, not Node's
        const remote = `0100007F:${peer.port.toString(16).toUpperCase().padStart(4, "0")}`
        const rows = Fs.readFileSync("/proc/self/net/tcp", "utf8").split("\n").map((line) => line.trim().split(/\s+/u))
        const [, , , , , timer = ""] = rows.find((row) => row[2] === remote) ?? []
        const [kind, when = ""] = timer.split(":")
        assert.strictEqual(kind, "02", "no keep-alive timer")
        assert.isAtMost(Number.parseInt(when, 16), 30 * 100)
        assert.isAbove(Number.parseInt(when, 16), 10 * 100)
      })
  )

  it.scopedLive("D1 P2 one instance serves all who need it, also when they are built at once, and ends with them", () =>
    Effect.gen(function*() {
      const socket = Path.join(yield* folder, "engine.sock")
      const peer = yield* Peer.start(Faults.answers(), { path: socket })
      const http = Layer.provideMerge(PooledHttpClient.layer, HttpPool.layer({ ...settings, unixUrls: true }))
      const tags = Array.from({ length: 20 }, (_, index) => Context.GenericTag<Rig>(`part${index}`))
      const parts = tags.map((tag) =>
        Layer.effect(tag, Effect.all({ client: HttpClient.HttpClient, pool: HttpPool.HttpPool })).pipe(
          // each of them asks for the same layer by itself
          Layer.provide(http)
        )
      )
      yield* Effect.scoped(Effect.gen(function*() {
        const [first, ...rest] = parts
        assert(first !== undefined)
        const context = yield* Layer.build(rest.reduce((all, part) => Layer.merge(all, part), first))
        const built = tags.map((tag) => Context.unsafeGet(context, tag))
        assert.strictEqual(new Set(built.map((part) => part.pool)).size, 1)
        for (const rigged of built) yield* textOf(rigged, onUnix(socket))
        assert.strictEqual(peer.accepted(), 1)
        assert.strictEqual(peer.requests().length, 20)
        yield* Effect.all(built.map((rigged) => textOf(rigged, onUnix(socket))), { concurrency: "unbounded" })
        yield* peer.awaitOpen(10)
        for (const rigged of built) assert.strictEqual(yield* connectionsOf(rigged), 10)
      }))
      yield* peer.awaitOpen(0)
    }))
})
