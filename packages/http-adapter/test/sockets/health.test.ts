/** Connections whose peer has stopped, closed or gone mad, and how they are found. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TLSSocket } from "node:tls"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { Origin } from "../../src/index.ts"
import { certificates } from "../parts/certificates.ts"
import * as Descriptors from "../parts/descriptors.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import type { Rig } from "../real/rig.ts"
import { connectionsOf, hostOf, rig, textOf } from "../real/rig.ts"
import * as Remote from "./remote.ts"

/** So many connections, which are idle then. */
const opened = (rigged: Rig, url: string, count: number) =>
  Effect.gen(function*() {
    const origin = Origin.fromUrl(url)
    assert(origin !== undefined)
    yield* rigged.pool.warm(origin, count)
    assert.deepInclude(yield* hostOf(rigged, url), { total: count, idle: count })
  })

const often: Partial<HttpAdapterConfig.Options> = { healthCheckInterval: "50 millis", healthCheckTimeout: "200 millis" }
const never: Partial<HttpAdapterConfig.Options> = { healthCheckInterval: "1 hour" }

const heads = (peer: Peer.Peer) =>
  peer.connections.map(({ requests }) => requests.filter(({ method }) => method === "HEAD").length)

describe("health checks", () => {
  it.scopedLive("P3 each idle connection is asked over itself, by the path that is set, and stays", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const rigged = yield* rig({ ...often, healthCheckPath: "/health?deep=no" })
      yield* opened(rigged, peer.origin, 5)
      yield* until("each was asked twice", Effect.sync(() => heads(peer).every((count) => count >= 2)))
      assert.strictEqual(peer.accepted(), 5)
      assert.strictEqual(peer.open(), 5)
      const targets = peer.requests().filter(({ method }) => method === "HEAD").map(({ target }) => target)
      assert.deepStrictEqual([...new Set(targets)], ["/health?deep=no"])
      assert.deepInclude(yield* hostOf(rigged, peer.origin), { total: 5, closed: 0 })
    }))

  it.scopedLive("P3 one that is at work, or was a moment ago, is not asked", () =>
    Effect.gen(function*() {
      const gate = Faults.gated()
      const busy = yield* Peer.start(gate.behaviour)
      const idle = yield* Peer.start(Faults.answers())
      const rigged = yield* rig(often)
      const asking = yield* Effect.fork(textOf(rigged, busy.origin))
      yield* opened(rigged, idle.origin, 1)
      // The rounds go over all hosts.
      yield* until("some rounds", Effect.sync(() => (heads(idle)[0] ?? 0) >= 4))
      assert.strictEqual(busy.requests().length, 1)
      gate.open()
      assert.strictEqual(yield* Fiber.join(asking), "ok")
    }))

  it.scopedLive.skipIf(!Descriptors.available)(
    "P3 a server that has stopped loses its idle connections; another one keeps them; once it goes on it gets new ones",
    () =>
      Effect.gen(function*() {
        const [stopping, living] = yield* Effect.all([Remote.start(), Remote.start()], { concurrency: 2 })
        const rigged = yield* rig(often)
        const before = yield* Descriptors.sockets
        yield* opened(rigged, living.origin, 4)
        yield* opened(rigged, stopping.origin, 4)
        yield* Descriptors.awaitSockets(before + 8)
        yield* stopping.stop
        yield* untilEqual("connections", connectionsOf(rigged), 4)
        yield* Descriptors.awaitSockets(before + 4)
        const { closedBy } = yield* hostOf(rigged, stopping.origin)
        assert.strictEqual((closedBy.unhealthy ?? 0) + (closedBy.unproven ?? 0), 4)
        assert.deepInclude(yield* hostOf(rigged, living.origin), { total: 4, closed: 0 })
        yield* stopping.goOn
        assert.strictEqual(yield* textOf(rigged, `${stopping.origin}/bytes/3`), "xxx")
        assert.strictEqual((yield* hostOf(rigged, stopping.origin)).reused, 0)
      })
  )

  it.scopedLive("P3 a connection that does not answer its check is not lent meanwhile, nor afterwards", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start({
        onRequest: ({ socket }, { method }) => void (method === "HEAD" || socket.write(Faults.response()))
      })
      const rigged = yield* rig({ ...often, healthCheckTimeout: "1 minute" })
      yield* opened(rigged, peer.origin, 1)
      yield* until("it is asked", Effect.sync(() => peer.requests().at(-1)?.method === "HEAD"))
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(peer.accepted(), 2)
      assert.strictEqual(peer.connections[1]?.requests[0]?.method, "GET")
    }))

  for (
    const [name, behaviour] of Object.entries({
      "answers nonsense": Faults.raw(["nonsense\r\n\r\n"]),
      "closes": Faults.closesAsRequestArrives(0, "end"),
      "resets": Faults.closesAsRequestArrives(0, "reset")
    })
  ) {
    it.scopedLive(`P3 a server that ${name} when it is checked loses the connection`, () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.answers())
        const rigged = yield* rig(often)
        yield* opened(rigged, peer.origin, 3)
        peer.become(behaviour)
        yield* untilEqual("connections", connectionsOf(rigged), 0)
        yield* peer.awaitOpen(0)
        peer.become(Faults.answers())
        assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
        assert.strictEqual(peer.accepted(), 4)
      }))
  }

  it.scopedLive("P10 60 connections are checked four at a time, and all of them are", () =>
    Effect.gen(function*() {
      const remote = yield* Remote.start({ checkMillis: 5 })
      const rigged = yield* rig({ ...often, healthCheckConcurrency: 4, healthCheckTimeout: "1 minute" })
      yield* opened(rigged, remote.origin, 60)
      yield* until("all were checked", Effect.map(remote.counts, ({ checks }) => checks >= 120))
      assert.deepInclude(yield* remote.counts, { peakChecks: 4, accepted: 60, open: 60 })
    }))
})

describe("a peer that closes idle connections", () => {
  const closings: Record<string, (connection: Peer.Connection) => void> = {
    "ends them": ({ socket }) => void socket.end(),
    "breaks them off": ({ socket }) => void (socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy()),
    "says 408 and ends them": ({ socket }) =>
      void socket.end("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
  }
  for (const [name, close] of Object.entries(closings)) {
    for (const secure of [false, true]) {
      it.scopedLive.skipIf(secure && lacks("openssl"))(
        `P3 ${name}${secure ? " over TLS" : ""}: they are gone at once, without any check, and no request meets them`,
        () =>
          Effect.gen(function*() {
            const { authority, localhost } = secure ? yield* certificates : { authority: "", localhost: undefined }
            const peer = yield* Peer.start(Faults.answers(), localhost === undefined ? {} : { tls: localhost })
            const rigged = yield* rig({ ...never, ...secure ? { tls: { ca: authority } } : {} })
            yield* opened(rigged, peer.origin, 3)
            yield* untilEqual("connections that are ready", Effect.sync(() => peer.connections.length), 3)
            const asked = peer.connections[0]?.requests.length ?? 0
            for (const connection of peer.connections.slice(1)) close(connection)
            yield* untilEqual("connections", connectionsOf(rigged), 1)
            yield* peer.awaitOpen(1)
            assert.deepInclude(yield* hostOf(rigged, peer.origin), { idle: 1, closedBy: { peer: 2 } })
            assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
            assert.strictEqual(peer.connections[0]?.requests.length, asked + 1)
          })
      )
    }
  }
})
