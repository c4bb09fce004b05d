import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { certificates } from "../parts/certificates.ts"
import * as Haproxy from "../parts/haproxy.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { connectionsOf, hostOf, rig, textOf } from "./rig.ts"

/** haproxy before two servers that say their names. */
const two = (options: Partial<Haproxy.Options> = {}) =>
  Effect.gen(function*() {
    const one = yield* Peer.start(Faults.answers(() => Faults.response("one")))
    const other = yield* Peer.start(Faults.answers(() => Faults.response("other")))
    const haproxy = yield* Haproxy.start({ ...options, servers: { one: one.port, other: other.port } })
    return { haproxy, one, other }
  })

describe.skipIf(lacks("haproxy", "openssl"))("haproxy", () => {
  it.scopedLive("P3 a connection that haproxy closes for its idleness is gone, and the next request does not notice", () =>
    Effect.gen(function*() {
      const { haproxy } = yield* two({ keepAliveTimeout: "2s" })
      const rigged = yield* rig()
      yield* Effect.replicateEffect(textOf(rigged, haproxy.origin), 4)
      assert.strictEqual(yield* haproxy.connections, 1)
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      assert.deepStrictEqual((yield* hostOf(rigged, haproxy.origin)).closedBy, { peer: 1 })
      yield* textOf(rigged, haproxy.origin)
      assert.strictEqual(yield* haproxy.connections, 2)
    }))

  it.scopedLive("one TLS connection serves whichever server is behind it", () =>
    Effect.gen(function*() {
      const { haproxy } = yield* two()
      const { authority: ca } = yield* certificates
      const rigged = yield* rig({ tls: { ca } })
      const answers = yield* Effect.replicateEffect(textOf(rigged, `https://127.0.0.1:${haproxy.tlsPort}`), 6)
      assert.strictEqual(answers.filter((answer) => answer === "one").length, 3)
      assert.strictEqual(answers.filter((answer) => answer === "other").length, 3)
      assert.strictEqual(yield* haproxy.connections, 1)
    }))

  it.scopedLive("no request fails while its servers take turns to be out of service; with none left its 503 is an answer", () =>
    Effect.gen(function*() {
      const { haproxy, one, other } = yield* two()
      const rigged = yield* rig({ maxConnectionsPerHost: 8 })
      const asking = yield* Effect.fork(
        Effect.all(Array.from({ length: 8 }, () => Effect.forever(textOf(rigged, haproxy.origin))), { concurrency: 8 })
      )
      const more = (peer: Peer.Peer) => {
        const goal = peer.requests().length + 50
        return until(
          "more requests, or the end",
          Effect.sync(() => peer.requests().length >= goal || asking.unsafePoll() !== null)
        )
      }
      for (const [out, peer] of [["one", other], ["other", one], ["one", other]] as const) {
        yield* haproxy.set(out, "maint")
        yield* more(peer)
        yield* haproxy.set(out, "ready")
      }
      assert.isTrue(Option.isNone(yield* Fiber.poll(asking)), "a request failed")
      yield* Fiber.interrupt(asking)
      yield* haproxy.set("one", "maint")
      yield* haproxy.set("other", "maint")
      const response = yield* rigged.client.get(haproxy.origin)
      assert.strictEqual(response.status, 503)
      assert.match(yield* response.text, /No server is available/u)
      yield* haproxy.set("other", "ready")
      assert.strictEqual(yield* textOf(rigged, haproxy.origin), "other")
    }))

  it.scopedLive("P1 haproxy never sees more connections than the limit", () =>
    Effect.gen(function*() {
      const { haproxy } = yield* two()
      const rigged = yield* rig({ maxConnectionsPerHost: 5 })
      yield* Effect.all(Array.from({ length: 200 }, () => textOf(rigged, haproxy.origin)), { concurrency: "unbounded" })
      assert.strictEqual(yield* haproxy.connections, 5)
      assert.strictEqual(yield* haproxy.openConnections, 5)
      yield* rigged.pool.shutdown
      yield* untilEqual("connections that haproxy has open", haproxy.openConnections, 0)
    }))
})
