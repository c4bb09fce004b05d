/** Hosts that are dead, each in its own way, beside hosts that live. What is asserted are counts, and never times. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import { Resolver } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { connectionsOf, hostOf, rig, textOf } from "../real/rig.ts"
import { fill } from "./backlog.ts"
import * as Remote from "./remote.ts"

const resolver = Resolver.layer({
  resolve: (hostname) => hostname === "nowhere.test" ? Effect.never : Effect.succeed({ addresses: ["127.0.0.1"] })
})

/** Where a request never comes to an end. */
const dead: Record<string, Effect.Effect<string, never, Scope.Scope>> = {
  "never answers": Effect.map(Peer.start(Faults.neverAnswers), ({ origin }) => origin),
  "has stopped": Effect.flatMap(Remote.start(), (remote) => Effect.as(remote.stop, remote.origin)),
  "cannot be connected": Effect.map(fill, (port) => `http://127.0.0.1:${port}`),
  "never ends its TLS handshake": Effect.map(
    Peer.start(Faults.neverAnswers),
    ({ port }) => `https://127.0.0.1:${port}`
  ),
  "has a name that is never resolved": Effect.succeed("http://nowhere.test")
}

const hosts = 9
const each = 40

describe("one dead host beside nine that live", () => {
  for (const [name, start] of Object.entries(dead)) {
    it.scopedLive(`P8 it ${name}: its 200 callers wait, and every request to the others is answered meanwhile`, () =>
      Effect.gen(function*() {
        const peers = yield* Effect.replicateEffect(Peer.start(Faults.answers()), hosts)
        const origin = yield* start
        // Of the total limit the dead host gets its own share at most; what is left has to do for all others.
        const rigged = yield* rig({
          maxConnectionsPerHost: 8,
          maxConnectingPerHost: 4,
          maxConnections: 12,
          checkInvariants: false
        }, resolver)
        const { pool } = rigged
        const waiting = yield* Effect.replicateEffect(Effect.fork(textOf(rigged, origin)), 200)
        const stuck = Effect.map(pool.stats, (stats) => stats.active + stats.connecting + stats.waiting >= 200 - 4)
        yield* until("they wait", stuck)
        const urls = Array.from({ length: hosts * each }, (_, index) => `${peers[index % hosts]?.origin}/${index}`)
        const answers = yield* Effect.forEach(urls, (url) => textOf(rigged, url), { concurrency: 45 })
        assert.strictEqual(answers.filter((text) => text === "ok").length, hosts * each)
        for (const peer of peers) assert.strictEqual(peer.requests().length, each)
        assert.strictEqual(waiting.filter((fiber) => fiber.unsafePoll() !== null).length, 0)
        assert.isAtMost(yield* connectionsOf(rigged), 12)
        const { hosts: all } = yield* pool.stats
        assert.isAtMost((yield* hostOf(rigged, origin)).connecting, 4)
        assert.isAtMost(all.length, hosts + 1)
        yield* Fiber.interruptAll(waiting)
      }))
  }

  it.scopedLive("P8 a name with a dead address and a live one is served by the live one", () =>
    Effect.gen(function*() {
      const port = yield* fill
      const peer = yield* Peer.start(Faults.answers(), { host: "127.0.0.2", port })
      const both = Resolver.layerStatic({ "both.test": ["127.0.0.1", "127.0.0.2"] })
      const rigged = yield* rig({ raceDelay: "20 millis", connectTimeout: "1 second", maxConnectionsPerHost: 4 }, both)
      const url = `http://both.test:${port}/`
      const answers = yield* Effect.replicateEffect(textOf(rigged, url), 20, { concurrency: 10 })
      assert.deepStrictEqual([...new Set(answers)], ["ok"])
      assert.strictEqual(peer.requests().length, 20)
      // The dials that lost are closed, and hold no permit.
      yield* until("no dial is left", Effect.map(rigged.pool.stats, ({ connecting }) => connecting === 0))
      assert.strictEqual(yield* connectionsOf(rigged), peer.open())
    }))
})
