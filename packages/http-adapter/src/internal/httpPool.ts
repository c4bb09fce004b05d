/** The pool behind the service: the core's, with the settings of HTTP and the time limits of its exchanges beside it. */
import { ConnectionPool, type Connector, PoolConfig, type PoolError, Timekeeper } from "@watertight/pool"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import { pipeArguments } from "effect/Pipeable"
import * as Scope from "effect/Scope"
import type { Options } from "../HttpAdapterConfig.ts"
import type { ConnectError } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { Wire } from "./connection.ts"
import type { Surroundings } from "./connector.ts"
import { Gate } from "./egress.ts"
import { type ClientSettings, type Early, split } from "./settings.ts"

/** One connection, as it is seen from outside of this package. */
export interface HttpConnection {
  /** the address that it was opened to */
  readonly remoteAddress: string
}

export interface Service
  extends Omit<ConnectionPool.ConnectionPool<Origin, HttpConnection, ConnectError>, "reconfigure">
{
  /**
   * Changes settings at run time. No connection is dropped; settings of HTTP hold for connections opened from now on. Where
   * requests may go changes at once: connections that a new policy refuses are lent no more.
   */
  reconfigure(change: Partial<Options>): Effect.Effect<void, PoolError.ConfigInvalid>
}

/** What the client needs of a service that was made here. */
export interface Inside {
  readonly pool: ConnectionPool.ConnectionPool<Origin, Wire, ConnectError>
  readonly keeper: Timekeeper.Timekeeper
  readonly settings: () => ClientSettings
  readonly gate: Gate
  readonly early: (origin: Origin) => Early
}

const insides = new WeakMap<Service, Inside>()

export const insideOf = (service: Service): Inside => {
  const inside = insides.get(service)
  if (inside === undefined) throw new TypeError("not a pool of this copy of @watertight/http-adapter")
  return inside
}

export const make = (
  options: Partial<Options>,
  connectorOf: (surroundings: Surroundings) => Effect.Effect<Connector.Connector<Origin, Wire, ConnectError>>
): Effect.Effect<Service, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    let given = options
    let current = yield* split(options)
    const scope = yield* Effect.flatMap(Effect.scope, (around) => Scope.fork(around, ExecutionStrategy.sequential))
    const keeper = yield* Scope.extend(Timekeeper.make, scope)
    const gate = new Gate(current.egress)
    const connector = yield* connectorOf({
      keeper,
      settingsOf: (origin) => current.of(origin),
      healthCheckInterval: () =>
        Duration.toMillis(current.pool.healthCheckInterval ?? PoolConfig.defaults.healthCheckInterval)
    })
    const pool = yield* ConnectionPool.make({ connector: gate.guard(connector), config: current.pool })
    const reconfigure = (change: Partial<Options>): Effect.Effect<void, PoolError.ConfigInvalid> =>
      Effect.flatMap(Effect.suspend(() => split({ ...given, ...change })), (next) => {
        const changed = Object.fromEntries(Object.entries(next.pool).filter(([name]) => Object.hasOwn(change, name)))
        return Effect.map(pool.reconfigure(changed), () => {
          given = { ...given, ...change }
          current = next
          if (Object.hasOwn(change, "egress")) gate.change(next.egress)
        })
      })
    const service: Service = {
      [ConnectionPool.TypeId]: ConnectionPool.TypeId,
      acquire: (key, how) => pool.acquire(key, how),
      use: (key, f, how) => pool.use(key, f, how),
      lease: (key, how) => pool.lease(key, how),
      leaseWith: (key, f, how) => pool.leaseWith(key, f, how),
      warm: (key, connections) => pool.warm(key, connections),
      retire: (key) => pool.retire(key),
      reconfigure,
      stats: pool.stats,
      hostStats: (key) => pool.hostStats(key),
      events: pool.events,
      metrics: pool.metrics,
      // the time limits of the exchanges end behind the last of them
      shutdown: Effect.zipLeft(pool.shutdown, Scope.close(scope, Exit.void)),
      pipe() {
        return pipeArguments(this, arguments)
      }
    }
    insides.set(service, {
      pool,
      keeper,
      settings: () => current.client,
      gate,
      early: (origin) => current.early(origin)
    })
    return service
  })
