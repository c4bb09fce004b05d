/** The pool behind the service: the core's, with requests, sessions and notifications on top. */
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import { ConnectionPool, PoolConfig, type PoolError, Timekeeper } from "@watertight/pool"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import { constVoid } from "effect/Function"
import { pipeArguments } from "effect/Pipeable"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Protocol } from "../Protocol.ts"
import type { Options } from "../StdioConfig.ts"
import type { StdioServer } from "../StdioServer.ts"
import { connectorOf } from "./connector.ts"
import { Notices } from "./notices.ts"
import { request } from "./request.ts"
import { requestWith } from "./schema.ts"
import type { Handler, Service, Told } from "./service.ts"
import { provided, session } from "./session.ts"
import { type NotificationSettings, split } from "./settings.ts"
import { counters, type Traffic } from "./traffic.ts"

export interface How<R> {
  readonly protocol: Protocol | ((server: StdioServer) => Protocol)
  readonly onRequest: Handler<R> | undefined
}

export const make = <R>(
  options: Partial<Options>,
  { onRequest, protocol }: How<R>
): Effect.Effect<Service, PoolError.ConfigInvalid, CommandExecutor.CommandExecutor | Scope.Scope | R> =>
  Effect.gen(function*() {
    let given = options
    let current = yield* split(options)
    const executor = yield* CommandExecutor.CommandExecutor
    const scope = yield* Effect.flatMap(Effect.scope, (around) => Scope.fork(around, ExecutionStrategy.sequential))
    const keeper = yield* Scope.extend(Timekeeper.make, scope)
    const run = yield* Scope.extend(FiberSet.makeRuntime<never, void>(), scope)
    const total = counters()
    const notices = noticesWithin(() => current.notifications, (count) => {
      total.dropped += count
    })
    yield* Scope.addFinalizer(scope, Effect.sync(() => notices.close()))
    const context = yield* Effect.context<R>()
    const handler = onRequest === undefined ? undefined : provided(onRequest, context)
    const connector = connectorOf({
      executor,
      keeper,
      total,
      fork: (work) => run(work, { immediate: false }),
      settingsOf: (server) => current.of(server),
      protocolOf: typeof protocol === "function" ? protocol : () => protocol,
      healthCheckInterval: () =>
        Duration.toMillis(current.pool.healthCheckInterval ?? PoolConfig.defaults.healthCheckInterval),
      checkTimeoutOf: (server) => current.checkTimeoutOf(server),
      notices,
      ownNotices: () => noticesWithin(() => current.notifications, constVoid),
      handler
    })
    const pool = yield* ConnectionPool.make({ connector, config: current.pool })
    const reconfigure = (change: Partial<Options>): Effect.Effect<void, PoolError.ConfigInvalid> =>
      Effect.flatMap(Effect.suspend(() => split({ ...given, ...change })), (next) => {
        // the time for a close follows from the graces
        const changed = Object.fromEntries(
          Object.entries(next.pool).filter(([name]) => Object.hasOwn(change, name) || name === "closeTimeout")
        )
        return Effect.map(pool.reconfigure(changed), () => {
          given = { ...given, ...change }
          current = next
        })
      })
    return {
      [ConnectionPool.TypeId]: ConnectionPool.TypeId,
      request: (server, method, params, how) => request(pool, server, method, params, how),
      requestWith: (schema) => (server, method, params, how) =>
        requestWith(schema, server.label, method, request(pool, server, method, params, how)),
      notify: (server, method, params, how) =>
        pool.use(server, (lease) => lease.connection.notify(method, params, how)),
      ready: (server) => pool.use(server, (lease) => Effect.succeed(lease.connection.ready)),
      session: (server, how) => session(pool, server, how),
      notifications: (server) =>
        server === undefined
          ? notices.stream
          : Stream.filter(notices.stream, (told) => Equal.equals(told.server, server)),
      traffic: Effect.sync((): Traffic => ({ ...total })),
      acquire: (server, how) => pool.acquire(server, how),
      use: (server, f, how) => pool.use(server, f, how),
      lease: (server, how) => pool.lease(server, how),
      leaseWith: (server, f, how) => pool.leaseWith(server, f, how),
      warm: (server, connections) => pool.warm(server, connections),
      retire: (server) => pool.retire(server),
      reconfigure,
      stats: pool.stats,
      hostStats: (server) => pool.hostStats(server),
      events: pool.events,
      metrics: pool.metrics,
      // time limits, handlers and readers of notifications end behind the last process
      shutdown: Effect.zipLeft(pool.shutdown, Scope.close(scope, Exit.void)),
      pipe() {
        return pipeArguments(this, arguments)
      }
    }
  })

const noticesWithin = (settings: () => NotificationSettings, lost: (count: number) => void): Notices<Told> =>
  new Notices(
    () => {
      const { notificationBuffer, notificationBytes } = settings()
      return { count: notificationBuffer, bytes: notificationBytes }
    },
    lost
  )
