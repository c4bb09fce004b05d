/**
 * A pool of connections, by host: bounded, health-checked, aware of addresses that move, and leak-proof by construction: every
 * connection and every fiber of a pool belongs to the scope that the pool was made in.
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Connector } from "./Connector.ts"
import * as internal from "./internal/pool.ts"
import { TypeId } from "./internal/typeId.ts"
import type { Lease, OwnedLease } from "./Lease.ts"
import type { Options } from "./PoolConfig.ts"
import type { AcquireError, ConfigInvalid } from "./PoolError.ts"
import type { PoolEvent } from "./PoolEvent.ts"
import type { MetricJson } from "./PoolMetrics.ts"
import type { HostStats, PoolStats, ShutdownReport } from "./PoolStats.ts"

export {
  /** What marks a pool, across copies of this package. */
  TypeId
} from "./internal/typeId.ts"

/** How one acquire differs from the others. */
export interface AcquireOptions {
  /** take only a connection that is opened for this: never a used one */
  readonly fresh?: boolean | undefined
  /** instead of the pool's `acquireTimeout` */
  readonly timeout?: Duration.DurationInput | undefined
  /** what is told about the waiting and linked to the dial, instead of the current span: for adapters with spans of their own */
  readonly span?: Tracer.AnySpan | undefined
}

/** Makes an effect inside an uninterruptible region as interruptible as the region's surroundings are. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** A pool of connections, by host. */
export interface ConnectionPool<in K, out Conn, out E = never> extends Pipeable {
  readonly [TypeId]: TypeId
  /** Borrows a connection until the scope closes. */
  acquire(key: K, options?: AcquireOptions): Effect.Effect<Lease<Conn>, AcquireError | E, Scope.Scope>
  /** Borrows a connection for one effect: the fast path, without a scope. */
  use<A, E2, R>(
    key: K,
    f: (lease: Lease<Conn>) => Effect.Effect<A, E2, R>,
    options?: AcquireOptions
  ): Effect.Effect<A, AcquireError | E | E2, R>
  /** Borrows a connection until whoever holds the lease releases it. For adapters; everybody else wants `use`. */
  lease(key: K, options?: AcquireOptions): Effect.Effect<OwnedLease<Conn>, AcquireError | E>
  /**
   * The same for adapters whose lease outlives the call: `f` runs uninterruptibly right after the step that lent the connection, so
   * that no interruption can lose the lease before somebody owns it; what `f` restores may be interrupted as the caller may be.
   */
  leaseWith<A, E2, R>(
    key: K,
    f: (lease: OwnedLease<Conn>, restore: Restore) => Effect.Effect<A, E2, R>,
    options?: AcquireOptions
  ): Effect.Effect<A, AcquireError | E | E2, R>
  /** Opens connections ahead, until the host has so many of them or as many as the limits allow. */
  warm(key: K, connections: number): Effect.Effect<void, AcquireError | E>
  /** Lends the host's connections no more: idle ones close now, active ones after use. */
  retire(key: K): Effect.Effect<void>
  /** Changes settings at run time. No connection is dropped; what exceeds a lowered limit closes when its leases end. */
  reconfigure(change: Partial<Options<K>>): Effect.Effect<void, ConfigInvalid>
  /** One snapshot of everything. */
  readonly stats: Effect.Effect<PoolStats>
  /** One snapshot of one host; none if the pool does not know it. */
  hostStats(key: K): Effect.Effect<Option.Option<HostStats>>
  /** What happens from now on. Ends with the pool. */
  readonly events: Stream.Stream<PoolEvent>
  /** The pool's metrics in plain data; they are in Effect's metric registry as well. */
  readonly metrics: Effect.Effect<ReadonlyArray<MetricJson>>
  /**
   * Ends the pool: new acquires and waiters fail with `PoolClosed`, leases at work have the grace period to finish, the rest is
   * cut. Safe to call at any time and as often as one likes; every caller gets the same report. The pool's scope runs it too.
   */
  readonly shutdown: Effect.Effect<ShutdownReport>
}

/** Whether something is a pool. */
export const isConnectionPool = (u: unknown): u is ConnectionPool<never, unknown, unknown> => hasProperty(u, TypeId)

/**
 * Makes a pool that lives as long as the scope.
 *
 * @example
 * import { ConnectionPool } from "@watertight/pool"
 * import { TestConnector } from "@watertight/pool/testing"
 * import { Effect } from "effect"
 *
 * export const program = Effect.scoped(Effect.gen(function*() {
 *   const network = yield* TestConnector.make()
 *   const pool = yield* ConnectionPool.make({ connector: network.connector })
 *   return yield* pool.use("users", (lease) => Effect.succeed(lease.address))
 * }))
 */
export const make = <K, Conn, E = never>(options: {
  readonly connector: Connector<K, Conn, E>
  readonly config?: Partial<Options<NoInfer<K>>> | undefined
}): Effect.Effect<ConnectionPool<K, Conn, E>, ConfigInvalid, Scope.Scope> =>
  internal.make(options.connector, options.config)

/**
 * A pool as a layer. One pool per layer built: consumers in one layer graph share it, and it ends with the last of them.
 *
 * @example
 * import { ConnectionPool } from "@watertight/pool"
 * import { TestConnector } from "@watertight/pool/testing"
 * import { Context, Effect } from "effect"
 *
 * export class Users extends Context.Tag("Users")<
 *   Users,
 *   ConnectionPool.ConnectionPool<string, TestConnector.TestConnection, TestConnector.Refused>
 * >() {}
 *
 * export const UsersLive = ConnectionPool.layer(Users, {
 *   connector: Effect.map(TestConnector.make(), (network) => network.connector),
 *   config: { maxConnectionsPerHost: 10 }
 * })
 */
export const layer = <Self, K, Conn, E, E2 = never, R2 = never>(
  tag: Context.Tag<Self, ConnectionPool<K, Conn, E>>,
  options: {
    readonly connector: Connector<K, Conn, E> | Effect.Effect<Connector<K, Conn, E>, E2, R2>
    readonly config?: Partial<Options<NoInfer<K>>> | undefined
  }
): Layer.Layer<Self, ConfigInvalid | E2, Exclude<R2, Scope.Scope>> =>
  Layer.scoped(
    tag,
    Effect.flatMap(
      Effect.isEffect(options.connector) ? options.connector : Effect.succeed(options.connector),
      (connector) => make({ connector, config: options.config })
    )
  )
