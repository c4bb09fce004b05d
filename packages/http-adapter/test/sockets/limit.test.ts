/** How many sockets there are at once, and what becomes of those who have to wait for one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Random } from "effect"
import { PooledHttpClient } from "../../src/index.ts"
import * as Descriptors from "../parts/descriptors.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import type { Rig } from "../real/rig.ts"
import { causeOf, connectionsOf, rig, textOf } from "../real/rig.ts"
import * as Remote from "./remote.ts"
import { watch } from "./watch.ts"

const limit = 7

/** Looks at the client's sockets as often as can be, and tells the most there were. */
const peakOfSockets = Effect.gen(function*() {
  const before = yield* Descriptors.sockets
  let peak = 0
  const looks = yield* watch(Effect.map(Descriptors.sockets, (sockets) => {
    peak = Math.max(peak, sockets - before)
    assert.isAtMost(peak, limit)
  }))
  return { peak: () => peak, looks }
})

const waits = ({ pool }: Rig, waiting: number) =>
  until(`${waiting} in the queue`, Effect.map(pool.stats, (stats) => stats.active === 1 && stats.waiting === waiting))

describe.skipIf(!Descriptors.available)("the limit of connections", () => {
  it.scopedLive("P1 400 requests at once never have more sockets than the limit, on either side", () =>
    Effect.gen(function*() {
      const remote = yield* Remote.start()
      const rigged = yield* rig({ maxConnectionsPerHost: limit })
      const { looks, peak } = yield* peakOfSockets
      const paths = ["bytes/10", "bytes/200000", "late/5/10", "chunks/50000/5"]
      yield* Effect.forEach(
        Array.from({ length: 400 }, (_, index) => `${remote.origin}/${paths[index % paths.length]}`),
        (url) => textOf(rigged, url),
        { concurrency: "unbounded", discard: true }
      )
      // None of them was closed, so what the server has seen at its peak was there at once.
      const { accepted, peak: peakThere, requests } = yield* remote.counts
      assert.deepStrictEqual([requests, accepted, peakThere, peak()], [400, limit, limit, limit])
      assert.isAbove(looks(), 5)
    }))

  it.scopedLive("P1 nor when they are interrupted, fail and take new connections all the time", () =>
    Effect.gen(function*() {
      const remote = yield* Remote.start()
      const rigged = yield* rig({ maxConnectionsPerHost: limit })
      const { peak } = yield* peakOfSockets
      const paths = ["bytes/10", "late/5/20", "never", "half/1000", "broken/100", "reset", "early"]
      yield* Effect.forEach(
        Array.from({ length: 600 }, (_, index) => `${remote.origin}/${paths[index % paths.length]}`),
        (url) =>
          Effect.flatMap(
            Random.nextIntBetween(0, 40),
            (millis) => textOf(rigged, url).pipe(Effect.timeout(millis), Effect.exit)
          ),
        { concurrency: 60, discard: true }
      )
      assert.strictEqual(peak(), limit)
      yield* until(
        "nothing is lent",
        Effect.map(rigged.pool.stats, ({ active, connecting }) => active + connecting === 0)
      )
      assert.isAbove((yield* remote.counts).accepted, 2 * limit)
    }).pipe(Effect.withRandom(Random.make("limit"))))

  it.scopedLive("P1 over all hosts there are no more than the total allows", () =>
    Effect.gen(function*() {
      const remotes = yield* Effect.all([Remote.start(), Remote.start()], { concurrency: 2 })
      const rigged = yield* rig({ maxConnections: limit, maxConnectionsPerHost: limit })
      const { peak } = yield* peakOfSockets
      yield* Effect.forEach(
        Array.from({ length: 300 }, (_, index) => `${remotes[index % 2]?.origin}/late/5/2`),
        (url) => textOf(rigged, url),
        { concurrency: 50, discard: true }
      )
      assert.strictEqual(peak(), limit)
      for (const remote of remotes) assert.strictEqual((yield* remote.counts).requests, 150)
    }))
})

describe("the queue", () => {
  it.scopedLive("P1 is served in its order, and those who leave it change nothing for the others", () =>
    Effect.gen(function*() {
      const gate = Faults.gated()
      const peer = yield* Peer.start(gate.behaviour)
      const rigged = yield* rig({ maxConnectionsPerHost: 1 })
      const all: Array<Fiber.RuntimeFiber<string, unknown>> = []
      for (let place = 0; place < 20; place++) {
        all.push(yield* Effect.fork(textOf(rigged, `${peer.origin}/${place}`)))
        yield* waits(rigged, place)
      }
      const leaving = all.filter((_, place) => place % 5 === 3)
      for (const fiber of leaving) assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      gate.open()
      yield* Fiber.joinAll(all.filter((fiber) => !leaving.includes(fiber)))
      const places = all.flatMap((_, place) => place % 5 === 3 ? [] : [`/${place}`])
      assert.deepStrictEqual(peer.requests().map(({ target }) => target), places)
      assert.strictEqual(peer.accepted(), 1)
    }))

  it.scopedLive("P1 when it is full the next one is refused at once, by a typed error", () =>
    Effect.gen(function*() {
      const gate = Faults.gated()
      const peer = yield* Peer.start(gate.behaviour)
      const rigged = yield* rig({ maxConnectionsPerHost: 1, maxWaitersPerHost: 3 })
      const asking = yield* Effect.fork(Effect.replicateEffect(textOf(rigged, peer.origin), 4, { concurrency: 4 }))
      yield* waits(rigged, 3)
      const cause = yield* causeOf(textOf(rigged, peer.origin))
      assert.deepInclude(cause, { _tag: "QueueFull", active: 1, idle: 0, waiting: 3, limit: 1 })
      gate.open()
      assert.deepStrictEqual(yield* Fiber.join(asking), ["ok", "ok", "ok", "ok"])
      assert.strictEqual(peer.requests().length, 4)
    }))

  it.scopedLive("P1 whoever waits for too long gets a typed error, and no connection later", () =>
    Effect.gen(function*() {
      const gate = Faults.gated()
      const peer = yield* Peer.start(gate.behaviour)
      const rigged = yield* rig({ maxConnectionsPerHost: 1, acquireTimeout: "50 millis" })
      const asking = yield* Effect.fork(
        PooledHttpClient.withOptions(textOf(rigged, peer.origin), { acquireTimeout: "1 hour" })
      )
      yield* waits(rigged, 0)
      assert.strictEqual((yield* causeOf(textOf(rigged, peer.origin)))._tag, "AcquireTimeout")
      const patient = yield* Effect.fork(
        PooledHttpClient.withOptions(textOf(rigged, peer.origin), { acquireTimeout: "1 hour" })
      )
      yield* waits(rigged, 1)
      const impatient = yield* causeOf(
        PooledHttpClient.withOptions(textOf(rigged, peer.origin), { acquireTimeout: 0 })
      )
      assert.deepInclude(impatient, { _tag: "AcquireTimeout", timeout: 0 })
      yield* waits(rigged, 1)
      gate.open()
      assert.deepStrictEqual([yield* Fiber.join(asking), yield* Fiber.join(patient)], ["ok", "ok"])
      assert.strictEqual(peer.requests().length, 2)
      assert.strictEqual(yield* connectionsOf(rigged), 1)
    }))
})
