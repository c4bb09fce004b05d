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
import { makeConfig } from "./liveConfig.ts"
import type { ClientSettings, Early } from "./settings.ts"

/** One connection, as it is seen from outside of this package. */
export interface HttpConnection {
  /** the address that it was opened to */
  readonly remoteAddress: string
}

export interface Service
  extends Omit<ConnectionPool.ConnectionPool<Origin, HttpConnection, ConnectError>, "reconfigure">
{
  /**
   * Changes settings at run time. No connection is dropped; settings of HTTP hold for connections opened from now on. Connections
   * whose identity has changed are lent no more: idle ones close now, active ones after use. Where
   * requests may go changes at once, in the same way.
   */
  reconfigure(change: Partial<Options>): Effect.Effect<void, PoolError.ConfigInvalid>
  /** Changes some of the `identities`, or adds them, and leaves the others as they are. */
  rotate(identities: Options["identities"]): Effect.Effect<void, PoolError.ConfigInvalid>
}

/** The settings of the client, and what it has to know of the others. Another object after each change. */
export interface ClientView extends ClientSettings {
  readonly identities: ReadonlyMap<string, unknown>
}

/** What the client needs of a service that was made here. */
export interface Inside {
  readonly pool: ConnectionPool.ConnectionPool<Origin, Wire, ConnectError>
  readonly keeper: Timekeeper.Timekeeper
  readonly settings: () => ClientView
  readonly gate: Gate
  readonly early: (origin: Origin) => Early
  /** the same origin with the proxy that the settings have for it */
  readonly route: (origin: Origin) => Origin
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
    const scope = yield* Effect.flatMap(Effect.scope, (around) => Scope.fork(around, ExecutionStrategy.sequential))
    const config = yield* Scope.extend(makeConfig(options), scope)
    const keeper = yield* Scope.extend(Timekeeper.make, scope)
    const gate = new Gate(config.current().egress)
    const connector = yield* connectorOf({
      keeper,
      settingsOf: config.settingsOf,
      identitiesOf: config.identitiesOf,
      openTls: config.openTls,
      healthCheckInterval: () =>
        Duration.toMillis(config.current().pool.healthCheckInterval ?? PoolConfig.defaults.healthCheckInterval)
    })
    const pool = yield* ConnectionPool.make({ connector: gate.guard(connector), config: config.current().pool })
    const { route } = config
    const reconfigure: typeof pool.reconfigure = (change) => pool.reconfigure(change)
    const service: Service = {
      [ConnectionPool.TypeId]: ConnectionPool.TypeId,
      acquire: (key, how) => Effect.suspend(() => pool.acquire(route(key), how)),
      use: (key, f, how) => Effect.suspend(() => pool.use(route(key), f, how)),
      lease: (key, how) => Effect.suspend(() => pool.lease(route(key), how)),
      leaseWith: (key, f, how) => Effect.suspend(() => pool.leaseWith(route(key), f, how)),
      warm: (key, connections) => Effect.suspend(() => pool.warm(route(key), connections)),
      retire: (key) => Effect.suspend(() => pool.retire(route(key))),
      reconfigure: (change) =>
        config.change(() => change, reconfigure, ({ egress }) => {
          if (Object.hasOwn(change, "egress")) gate.change(egress)
        }),
      rotate: (identities) =>
        config.change((given) => ({ identities: { ...given.identities, ...identities } }), reconfigure),
      stats: pool.stats,
      hostStats: (key) => Effect.suspend(() => pool.hostStats(route(key))),
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
      settings: config.client,
      gate,
      early: (origin) => config.current().early(origin),
      route
    })
    return service
  })
