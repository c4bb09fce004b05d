/** Requests that are interrupted before they have a connection. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { Resolver } from "../../src/index.ts"
import * as Descriptors from "../parts/descriptors.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import type { Rig } from "../real/rig.ts"
import { connectionsOf, hostOf, rig, textOf } from "../real/rig.ts"
import { fill } from "./backlog.ts"

const interrupted = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.map(Fiber.interrupt(fiber), (exit) => assert.isTrue(Exit.isInterrupted(exit), String(exit)))

const isConnecting = ({ pool }: Rig, count = 1) =>
  until("a socket is being connected", Effect.map(pool.stats, ({ connecting }) => connecting === count))

/** A peer that accepts and never says a word of TLS, and one that does not even accept. */
const silent = {
  "in the TLS handshake": Effect.map(Peer.start(Faults.neverAnswers), ({ port }) => `https://127.0.0.1:${port}/`),
  "connecting": Effect.map(fill, (port) => `http://127.0.0.1:${port}/`)
}

describe.skipIf(!Descriptors.available)("a request that ends before it has a connection", () => {
  it.scopedLive("P6 P1 in the queue: it leaves its place, and nobody else notices", () =>
    Effect.gen(function*() {
      const gate = Faults.gated(Faults.answers(({ target }) => Faults.response(target)))
      const peer = yield* Peer.start(gate.behaviour)
      const rigged = yield* rig({ maxConnectionsPerHost: 1 })
      const before = yield* Descriptors.sockets
      const ask = (path: string) => Effect.fork(textOf(rigged, `${peer.origin}/${path}`))
      const waits = (waiting: number) =>
        until("in the queue", Effect.map(rigged.pool.stats, (stats) => stats.active === 1 && stats.waiting === waiting))
      const first = yield* ask("first")
      yield* waits(0)
      const second = yield* ask("second")
      yield* waits(1)
      const third = yield* ask("third")
      yield* waits(2)
      yield* interrupted(second)
      assert.deepInclude(yield* rigged.pool.stats, { total: 1, active: 1, waiting: 1 })
      gate.open()
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(third)], ["/first", "/third"])
      assert.deepStrictEqual(peer.requests().map(({ target }) => target), ["/first", "/third"])
      assert.strictEqual(peer.accepted(), 1)
      yield* Descriptors.awaitSockets(before + 2)
    }))

  it.scopedLive("P6 P5 while its host is resolved: no socket is opened for it, and the answer serves the next one", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const answer = yield* Deferred.make<{ readonly addresses: ReadonlyArray<string> }>()
      let questions = 0
      const resolver = Resolver.layer({
        resolve: () => Effect.suspend(() => Effect.zipRight(Effect.sync(() => questions++), Deferred.await(answer)))
      })
      const rigged = yield* rig({}, resolver)
      const url = `http://moving.test:${peer.port}/`
      const asking = yield* Effect.fork(textOf(rigged, url))
      yield* until("the resolver is asked", Effect.sync(() => questions === 1))
      yield* interrupted(asking)
      assert.deepInclude(yield* rigged.pool.stats, { total: 0, connecting: 0, waiting: 0 })
      const next = yield* Effect.fork(textOf(rigged, url))
      yield* until("it waits", Effect.map(rigged.pool.stats, ({ waiting }) => waiting === 1))
      yield* Deferred.succeed(answer, { addresses: ["127.0.0.1"] })
      assert.strictEqual(yield* Fiber.join(next), "ok")
      assert.deepStrictEqual([questions, peer.accepted()], [1, 1])
    }))

  for (const [stage, start] of Object.entries(silent)) {
    it.scopedLive(`P6 P1 ${stage}: its socket is closed and its permit back, long before the dial would end by itself`, () =>
      Effect.gen(function*() {
        const url = yield* start
        const rigged = yield* rig({ maxConnectionsPerHost: 1, connectTimeout: "1 hour" })
        const before = yield* Descriptors.sockets
        // The only permit: the second time it must be there again.
        for (let time = 0; time < 2; time++) {
          const asking = yield* Effect.fork(textOf(rigged, url))
          yield* isConnecting(rigged)
          yield* until("it has a socket", Effect.map(Descriptors.sockets, (now) => now > before))
          yield* interrupted(asking)
          yield* untilEqual("connections", connectionsOf(rigged), 0)
          // The server's end, if there is one in this process, ends with the client's.
          yield* Descriptors.awaitSockets(before)
        }
        assert.strictEqual((yield* hostOf(rigged, url)).opened, 0)
      }))

    it.scopedLive(`P6 P1 ${stage}: the dials of twenty are for those who still wait, and end with the last of them`, () =>
      Effect.gen(function*() {
        const url = yield* start
        // else there is one dial until it is known whether one connection serves all
        const rigged = yield* rig({ http2: "never", maxConnectionsPerHost: 5, connectTimeout: "1 hour" })
        const before = yield* Descriptors.sockets
        const all = yield* Effect.replicateEffect(Effect.fork(textOf(rigged, url)), 20)
        yield* isConnecting(rigged, 5)
        yield* until("five sockets", Effect.map(Descriptors.sockets, (now) => now >= before + 5))
        const opened = yield* Descriptors.sockets
        assert.deepInclude(yield* rigged.pool.stats, { total: 0, connecting: 5, waiting: 15 })
        yield* Effect.forEach(all.slice(0, 15), interrupted)
        assert.deepInclude(yield* rigged.pool.stats, { total: 0, connecting: 5, waiting: 0 })
        assert.strictEqual(yield* Descriptors.sockets, opened)
        yield* interrupted(all[15]!)
        yield* isConnecting(rigged, 4)
        yield* Effect.forEach(all.slice(16), interrupted)
        yield* untilEqual("connections", connectionsOf(rigged), 0)
        yield* Descriptors.awaitSockets(before)
      }))

    it.scopedLive(`P6 P1 ${stage}: with \`keepDials\` the dial goes on, and ends in its own time`, () =>
      Effect.gen(function*() {
        const url = yield* start
        const rigged = yield* rig({ keepDials: true, maxConnectionsPerHost: 1, connectTimeout: "1 second" })
        const before = yield* Descriptors.sockets
        const asking = yield* Effect.fork(textOf(rigged, url))
        yield* isConnecting(rigged)
        yield* interrupted(asking)
        assert.deepInclude(yield* rigged.pool.stats, { connecting: 1, waiting: 0 })
        yield* untilEqual("connections", connectionsOf(rigged), 0)
        yield* Descriptors.awaitSockets(before)
        assert.strictEqual((yield* hostOf(rigged, url)).failed, 1)
      }))
  }

  it.scopedLive("P6 P1 in a race of two addresses: the sockets of both are closed", () =>
    Effect.gen(function*() {
      const one = yield* Peer.start(Faults.neverAnswers)
      const other = yield* Peer.start(Faults.neverAnswers, { host: "127.0.0.2", port: one.port })
      const both = Resolver.layerStatic({ "both.test": ["127.0.0.1", "127.0.0.2"] })
      const rigged = yield* rig({ raceDelay: "10 millis", connectTimeout: "1 hour" }, both)
      const before = yield* Descriptors.sockets
      const asking = yield* Effect.fork(textOf(rigged, `https://both.test:${one.port}/`))
      yield* until("both are dialed", Effect.sync(() => one.open() + other.open() === 2))
      yield* isConnecting(rigged, 2)
      yield* interrupted(asking)
      yield* untilEqual("connections", connectionsOf(rigged), 0)
      yield* one.awaitOpen(0)
      yield* other.awaitOpen(0)
      yield* Descriptors.awaitSockets(before)
    }))
})
