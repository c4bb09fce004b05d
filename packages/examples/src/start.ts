/** `npm start`: the pool at work over the built-in test network, in a few seconds. Exits with 1 if anything is left over. */
import { NodeRuntime } from "@effect/platform-node"
import { ConnectionPool } from "@watertight/pool"
import { TestConnector } from "@watertight/pool/testing"
import { Console, Data, Effect } from "effect"
import { describe, summary } from "./tour/lines.ts"
import { stops } from "./tour/stops.ts"

class LeftOver extends Data.TaggedError("LeftOver")<{ readonly sockets: number }> {
  override get message(): string {
    return `${this.sockets} sockets are still open`
  }
}

const json = process.argv.includes("--json")
const say = (line: string): Effect.Effect<void> => json ? Effect.void : Console.log(line)

const tour = Effect.gen(function*() {
  const network = yield* TestConnector.make()
  yield* say("Watertight: a pool of at most 4 connections a host, over a scripted network.\n")
  const [results, report] = yield* Effect.scoped(Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({
      connector: network.connector,
      config: {
        maxConnectionsPerHost: 4,
        maxWaitersPerHost: 8,
        acquireTimeout: "2 seconds",
        connectTimeout: "300 millis",
        idleTimeout: "10 seconds",
        healthCheckInterval: "300 millis",
        healthCheckTimeout: "200 millis",
        dnsRefreshInterval: "300 millis",
        name: "tour"
      }
    })
    const visited = []
    for (const stop of stops) {
      const seen = yield* stop.visit({ pool, network })
      const stats = yield* pool.stats
      yield* say(describe(stop.title, seen, stats))
      visited.push({ title: stop.title, seen, stats })
    }
    return [visited, yield* pool.shutdown] as const
  }))
  const sockets = yield* network.openNow()
  const opened = yield* network.opened
  yield* json
    ? Console.log(JSON.stringify({ results, report, opened, left: { sockets } }))
    : say(summary(report, opened, sockets))
  if (sockets > 0) return yield* new LeftOver({ sockets })
})

NodeRuntime.runMain(tour)
