/** The second part of the tour: the pool alone, over a network whose faults are scripted. */
import { ConnectionPool } from "@watertight/pool"
import { TestConnector } from "@watertight/pool/testing"
import { Effect } from "effect"
import { finish, type Part, type Say, visitAll } from "./part.ts"
import { scriptedStops } from "./scriptedStops.ts"

export const overScript = (say: Say): Effect.Effect<Part, unknown> =>
  Effect.gen(function*() {
    const network = yield* TestConnector.make()
    yield* say("The pool alone, over a scripted network: at most 4 connections a host.\n")
    const visited = yield* Effect.scoped(Effect.gen(function*() {
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
      return yield* visitAll({ pool, network }, scriptedStops, say)
    }))
    const sockets = yield* network.openNow()
    const opened = yield* network.opened
    return yield* finish("scripted", { ...visited, opened, left: { sockets } }, say)
  })
