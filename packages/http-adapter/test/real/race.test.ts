/** Servers that close a connection as a request leaves for it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { PooledHttpClient } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { untilEqual } from "../parts/waiting.ts"
import type { Rig } from "./rig.ts"
import { causeOf, connectionsOf, hostOf, rig, textOf } from "./rig.ts"

/** So many GETs, 20 at a time, of which none may fail. */
const gets = (rigged: Rig, url: string, count: number) =>
  Effect.gen(function*() {
    let left = count
    const asker = Effect.whileLoop({
      while: () => left-- > 0,
      body: () => textOf(rigged, url),
      step: (text) => assert.strictEqual(text, "ok")
    })
    yield* Effect.all(Array.from({ length: 20 }, () => asker), { concurrency: "unbounded", discard: true })
    const { active, total } = yield* hostOf(rigged, url)
    assert.strictEqual(active, 0)
    assert.isAtMost(total, 20)
  })

const races = (peer: Peer.Peer, served: number): number =>
  peer.connections.filter((connection) => connection.requests.length > served).length

describe("the reuse race", () => {
  it.scopedLive(
    "P3 the peer resets as the next request arrives: 10,000 times, and no GET fails",
    () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.closesAsRequestArrives(1, "reset"))
        const rigged = yield* rig({ checkInvariants: false, maxConnectionsPerHost: 20 })
        yield* gets(rigged, peer.origin, 10_000 + 20)
        assert.isAtLeast(races(peer, 1), 10_000)
      }),
    120_000
  )

  it.scopedLive(
    "P3 the same with a peer that ends instead, and with more requests on each connection",
    () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.closesAsRequestArrives(3, "end"))
        const rigged = yield* rig({ maxConnectionsPerHost: 20 })
        yield* gets(rigged, peer.origin, 3_000)
        assert.isAtLeast(races(peer, 3), 900)
      }),
    60_000
  )

  for (const how of ["end", "reset"] as const) {
    it.scopedLive(
      `P3 the peer closes behind an answer (${how}), wherever the next request is by then: no GET fails`,
      () =>
        Effect.gen(function*() {
          const peer = yield* Peer.start(Faults.closesBehindAnswer(2, how))
          const rigged = yield* rig({ maxConnectionsPerHost: 20 })
          yield* gets(rigged, peer.origin, 2_000)
          assert.isAtLeast(peer.accepted(), 1_000)
        }),
      60_000
    )
  }

  it.scopedLive("without replay the race is lost with a typed error, and the connection with it", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.closesAsRequestArrives(1))
      const rigged = yield* rig()
      yield* textOf(rigged, peer.origin)
      const cause = yield* causeOf(PooledHttpClient.withOptions(textOf(rigged, peer.origin), { replay: false }))
      assert.deepInclude(cause, { _tag: "ConnectionLost", written: true, answered: false })
      yield* untilEqual("connections of the pool", connectionsOf(rigged), 0)
      assert.strictEqual(peer.requests().length, 2)
    }))

  it.scopedLive("a peer that closes every connection unanswered is asked twice for a GET, and no more", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const rigged = yield* rig()
      yield* textOf(rigged, peer.origin)
      peer.become(Faults.closesAsRequestArrives(0))
      const cause = yield* causeOf(textOf(rigged, peer.origin))
      assert.strictEqual(cause._tag, "ConnectionLost")
      assert.deepStrictEqual([peer.requests().length, peer.accepted()], [1 + 2, 2])
    }))
})
