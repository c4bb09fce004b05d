/** The statistics while requests of all kinds come and go, looked at in every turn of the event loop. */
import { assert, describe, it } from "@effect/vitest"
import type { PoolStats } from "@watertight/pool"
import { Effect, Random, Stream } from "effect"
import * as Descriptors from "../parts/descriptors.ts"
import { until } from "../parts/waiting.ts"
import { rig, textOf } from "../real/rig.ts"
import * as Remote from "./remote.ts"
import { watch } from "./watch.ts"

const kinds = ["total", "active", "idle", "connecting", "closing", "abandoned", "waiting"] as const

/** What holds for every host at any time, and for all of them together. */
const assertTrue = (counts: PoolStats.Counts): void => {
  for (const kind of kinds) assert.isAtLeast(counts[kind], 0, kind)
  assert.strictEqual(counts.total, counts.active + counts.idle)
}

const sum = (all: ReadonlyArray<number>): number => all.reduce((one, other) => one + other, 0)

const paths = [
  "bytes/10",
  "bytes/300000",
  "late/5/10",
  "chunks/100000/5",
  "count",
  "never",
  "half/1000",
  "half/200000",
  "broken/100",
  "broken/100000",
  "early",
  "reset",
  "none"
]

describe.skipIf(!Descriptors.available)("statistics", () => {
  it.scopedLive("P7 P1 are true in every turn of the event loop, whatever becomes of 900 requests to three hosts", () =>
    Effect.gen(function*() {
      const remotes = yield* Effect.all([Remote.start(), Remote.start(), Remote.start()], { concurrency: 3 })
      const { client, pool } = yield* rig({ maxConnectionsPerHost: 6, maxConnections: 15, maxWaitersPerHost: 20 })
      const before = yield* Descriptors.sockets
      let most = 0
      let sawClosing = false
      const look = Effect.map(Effect.zip(pool.stats, Descriptors.sockets), ([stats, sockets]) => {
        for (const counts of [stats, ...stats.hosts]) assertTrue(counts)
        for (const kind of kinds) assert.strictEqual(stats[kind], sum(stats.hosts.map((host) => host[kind])), kind)
        for (const host of stats.hosts) {
          assert.strictEqual(host.opened - host.closed, host.total + host.closing)
          assert.strictEqual(sum(Object.values(host.closedBy)), host.closed + host.closing)
          assert.strictEqual(sum(host.addresses.map(({ connections }) => connections)), host.total + host.connecting)
          assert.strictEqual(sum(host.addresses.map(({ leases }) => leases)), host.active)
        }
        // None is counted twice, and no socket is without a count: what the kernel sees is what is counted.
        const held = stats.total + stats.connecting + stats.closing
        assert.isAtMost(held, 15)
        assert.isAtMost(sockets - before, held)
        most = Math.max(most, stats.total)
        sawClosing ||= stats.closing > 0
      })
      const looks = yield* watch(look)
      const left = (url: string) =>
        Effect.flatMap(client.get(url), (response) => Stream.runDrain(Stream.take(response.stream, 1)))
      yield* Effect.forEach(
        Array.from({ length: 900 }, (_, index) => `${remotes[index % 3]?.origin}/${paths[index % paths.length]}`),
        (url, index) =>
          Effect.flatMap(
            // not all in one turn, when they are refused
            Effect.delay(Random.nextIntBetween(0, 60), "1 millis"),
            (millis) => {
              const asking = index % 4 === 0 ? left(url) : textOf({ client, pool }, url)
              // in this very step, what has just ended may not be gone yet
              return Effect.zipRight(Effect.exit(Effect.timeout(Effect.ensuring(asking, look), millis)), look)
            }
          ),
        { concurrency: 90, discard: true }
      )
      assert.isAbove(looks(), 5)
      assert.isAtLeast(most, 6)
      assert.isTrue(sawClosing)
      yield* until(
        "nothing is lent",
        Effect.map(pool.stats, ({ active, closing, connecting }) => active + closing + connecting === 0)
      )
      // In the end the servers agree.
      const stats = yield* pool.stats
      for (const [index, remote] of remotes.entries()) {
        yield* remote.awaitOpen(stats.hosts.find(({ host }) => host === remotes[index]?.origin)?.total ?? 0)
      }
      yield* Descriptors.awaitSockets(before + stats.total)
    }).pipe(Effect.withRandom(Random.make("statistics"))))
})
