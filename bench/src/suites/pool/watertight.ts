import { ConnectionPool, type Connector, type PoolConfig } from "@watertight/pool"
import { Effect, type Scope } from "effect"

/** The pool under test, on a connector whose connections cost nothing: what is left is the pool's own cost. */

export interface Connection {
  readonly key: string
}

export type WatertightPool = ConnectionPool.ConnectionPool<string, Connection, never>

const connector: Connector.Connector<string, Connection> = {
  label: (key) => key,
  resolve: () => Effect.succeed({ addresses: ["local"] }),
  open: (key) => Effect.succeed({ key }),
  check: () => Effect.void
}

/** Everything on, as a user gets it, but for the limits that the measurement itself would exceed. */
export const makeWatertight = (
  config: Partial<PoolConfig.Options<string>> = {}
): Effect.Effect<WatertightPool, never, Scope.Scope> => Effect.orDie(ConnectionPool.make({ connector, config }))

/** Limits wide enough for crowds of `connections`, and no time that ends in the middle of a run. */
export const roomFor = (connections: number, hosts: number): Partial<PoolConfig.Options<string>> => ({
  maxConnections: atLeastOne(connections),
  maxIdle: connections,
  maxHosts: atLeastOne(hosts),
  maxConnectionsPerHost: atLeastOne(connections / atLeastOne(hosts)),
  maxIdlePerHost: connections,
  idleTimeout: "1 hour",
  maxLifetime: "10 hours"
})

const atLeastOne = (count: number): number => Math.max(Math.ceil(count), 1)

/** Opens `perHost` connections to each host, and makes sure that they are there. */
export const fill = (
  pool: WatertightPool,
  hosts: ReadonlyArray<string>,
  perHost: number
): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* Effect.orDie(Effect.forEach(hosts, (host) => pool.warm(host, perHost), { discard: true }))
    const { idle } = yield* pool.stats
    const expected = hosts.length * perHost
    if (idle !== expected) {
      return yield* Effect.dieMessage(`the pool holds ${idle} idle connections instead of ${expected}`)
    }
  })
