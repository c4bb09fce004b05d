/** The composition root: builds what the parts share, forks the loops into the scope, and adds the one finalizer. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Fiber from "effect/Fiber"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { AcquireOptions, ConnectionPool, Restore } from "../ConnectionPool.ts"
import type { Connector } from "../Connector.ts"
import type * as Lease from "../Lease.ts"
import type { Options } from "../PoolConfig.ts"
import type { AcquireError, ConfigInvalid } from "../PoolError.ts"
import { serve, take, wait } from "./acquire.ts"
import { Alarm } from "./alarm.ts"
import { check } from "./check.ts"
import { closeConnection } from "./close.ts"
import type { Core } from "./core.ts"
import { cancelAttempt, raceLater, startAttempt } from "./dial.ts"
import { EventHub } from "./events.ts"
import { Fibers } from "./fibers.ts"
import { find } from "./hosts.ts"
import type { Borrow } from "./lease.ts"
import { dnsRefresher } from "./loops/dnsRefresher.ts"
import { evictor } from "./loops/evictor.ts"
import { healthChecker } from "./loops/healthChecker.ts"
import { leakDetector } from "./loops/leakDetector.ts"
import { replenisher } from "./loops/replenisher.ts"
import { reconfigure } from "./reconfigure.ts"
import { startResolve } from "./resolve.ts"
import { resolve, type Settings } from "./settings.ts"
import { makeShutdown } from "./shutdown.ts"
import { Slots } from "./state/slots.ts"
import { Total } from "./state/total.ts"
import * as Transitions from "./state/transitions.ts"
import { hostStats, poolMetrics, poolStats } from "./stats.ts"
import { step } from "./step.ts"
import { Timekeeper } from "./timekeeper.ts"
import { takeTurns } from "./turns.ts"
import { TypeId } from "./typeId.ts"
import { warm } from "./warm.ts"

export const make = <K, Conn, E>(
  connector: Connector<K, Conn, E>,
  config: Partial<Options<K>> = {}
): Effect.Effect<ConnectionPool<K, Conn, E>, ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const core = yield* makeCore(connector, config)
    // One after the other, even if the scope around it ends everything at once: the timekeeper is the last to go, since it
    // keeps the time limits of the shutdown itself.
    const scope = yield* Effect.flatMap(Effect.scope, (around) => Scope.fork(around, ExecutionStrategy.sequential))
    const timekeeper = yield* core.timekeeper.turn.pipe(
      Effect.catchAllDefect((defect) => Effect.logError(`${core.settings.name}: a deadline failed`, defect)),
      Effect.forever,
      Effect.interruptible,
      Effect.forkIn(scope)
    )
    const shutdown = makeShutdown(core, timekeeper)
    yield* Scope.addFinalizer(scope, shutdown)
    core.loops = yield* Effect.forEach(
      [evictor(core), healthChecker(core), dnsRefresher(core), replenisher(core), leakDetector(core)],
      (loop) => loop.pipe(Effect.interruptible, Effect.forkIn(scope))
    )
    return new Pool(core, shutdown)
  })

const makeCore = <K, Conn, E>(
  connector: Connector<K, Conn, E>,
  config: Partial<Options<K>>
): Effect.Effect<Core<K, Conn, E>, ConfigInvalid> =>
  Effect.gen(function*() {
    const settings: Settings = yield* resolve(config)
    const clock = yield* Effect.clock
    const runtime = withoutSpan(yield* Effect.runtime())
    const sleepers = new Fibers(runtime)
    return {
      connector,
      actions: {
        serve,
        open: startAttempt,
        cancel: cancelAttempt,
        race: raceLater,
        close: closeConnection,
        check,
        resolve: startResolve,
        takeTurns
      },
      clock,
      settings,
      given: config,
      overrides: config.overrides,
      hosts: MutableHashMap.empty(),
      total: new Total(settings.maxConnections, settings.maxIdle),
      checks: new Slots(settings.healthCheckConcurrency),
      onCheckSlot: undefined,
      resolves: new Slots(settings.maxResolving),
      toResolve: new Set(),
      fibers: new Fibers(runtime),
      sleepers,
      timekeeper: new Timekeeper(clock, sleepers),
      alarms: {
        evictor: new Alarm(clock, sleepers),
        healthChecker: new Alarm(clock, sleepers),
        dnsRefresher: new Alarm(clock, sleepers),
        replenisher: new Alarm(clock, sleepers),
        leakDetector: new Alarm(clock, sleepers)
      },
      events: new EventHub(clock, settings.eventBuffer),
      instruments: { pool: settings.name, prefix: settings.metricsPrefix },
      loops: [],
      failedRounds: 0,
      heartbeat: clock.unsafeCurrentTimeMillis(),
      turning: false,
      closed: false,
      connectionIds: 0
    }
  })

/** What the pool does later is no part of the span in which it was built. */
const withoutSpan = (runtime: Runtime.Runtime<never>): Runtime.Runtime<never> =>
  Runtime.updateContext(
    runtime,
    (context) => Context.omit(Tracer.ParentSpan)(context as Context.Context<Tracer.ParentSpan>)
  )

/** The fiber that runs this. Cheaper than `withFiberRuntime`, and only called from inside an effect that is being run. */
const self = (): Fiber.RuntimeFiber<unknown, unknown> => Option.getOrThrow(Fiber.getCurrentFiber())

/** Borrows for one effect. The end of the lease is the very next thing after it, in the mask: nothing can come between. */
const during = <K, Conn, E, A, E2, R>(
  lease: Borrow<K, Conn, E>,
  f: (lease: Lease.Lease<Conn>) => Effect.Effect<A, E2, R>,
  restore: Restore
): Effect.Effect<A, E2, R> =>
  Effect.matchCauseEffect(restore(begin(f, lease)), {
    onFailure: (cause) => {
      lease.failed(cause)
      return Effect.failCause(cause)
    },
    onSuccess: (value) => {
      lease.succeeded()
      return Effect.succeed(value)
    }
  })

/** What `f` makes of the lease; that it throws must not cost the lease. Cheaper than `Effect.suspend`. */
const begin = <A, E, R, L>(f: (lease: L) => Effect.Effect<A, E, R>, lease: L): Effect.Effect<A, E, R> => {
  try {
    return f(lease)
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** Hands the lease over to its owner; one that cannot even take it gives it back. */
const owned = <K, Conn, E, A, E2, R>(
  lease: Borrow<K, Conn, E>,
  f: (lease: Lease.OwnedLease<Conn>, restore: Restore) => Effect.Effect<A, E2, R>,
  restore: Restore
): Effect.Effect<A, E2, R> => {
  try {
    return f(lease, restore)
  } catch (defect) {
    lease.failed(Cause.die(defect))
    return Effect.die(defect)
  }
}

/** Borrows until the scope around the caller closes. */
const untilClosed = <K, Conn, E>(lease: Borrow<K, Conn, E>): Effect.Effect<Lease.Lease<Conn>, never, Scope.Scope> =>
  Effect.as(
    Scope.addFinalizerExit(Context.unsafeGet(lease.context, Scope.Scope), (exit) => {
      lease.unsafeRelease(exit)
      return Effect.void
    }),
    lease
  )

class Pool<in out K, in out Conn, in out E> implements ConnectionPool<K, Conn, E> {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly core: Core<K, Conn, E>
  readonly shutdown: ConnectionPool<K, Conn, E>["shutdown"]
  readonly stats: ConnectionPool<K, Conn, E>["stats"]
  readonly events: ConnectionPool<K, Conn, E>["events"]
  readonly metrics: ConnectionPool<K, Conn, E>["metrics"]

  constructor(core: Core<K, Conn, E>, shutdown: ConnectionPool<K, Conn, E>["shutdown"]) {
    this.core = core
    this.shutdown = shutdown
    this.stats = Effect.sync(() => poolStats(core))
    this.events = core.events.stream
    this.metrics = Effect.sync(() => poolMetrics(core))
  }

  use<A, E2, R>(
    key: K,
    f: (lease: Lease.Lease<Conn>) => Effect.Effect<A, E2, R>,
    options?: AcquireOptions
  ): Effect.Effect<A, AcquireError | E | E2, R> {
    const { core } = this
    return Effect.uninterruptibleMask((restore) => {
      const holder = self()
      const lease = take(core, key, options, holder)
      return lease !== undefined
        ? during(lease, f, restore)
        : wait(core, key, options, holder, restore, (served) => during(served, f, restore))
    })
  }

  acquire(key: K, options?: AcquireOptions): Effect.Effect<Lease.Lease<Conn>, AcquireError | E, Scope.Scope> {
    const { core } = this
    return Effect.uninterruptibleMask((restore) => {
      const holder = self()
      const lease = take(core, key, options, holder)
      return lease !== undefined ? untilClosed(lease) : wait(core, key, options, holder, restore, untilClosed)
    })
  }

  lease(key: K, options?: AcquireOptions): Effect.Effect<Lease.OwnedLease<Conn>, AcquireError | E> {
    return this.leaseWith(key, Effect.succeed, options)
  }

  leaseWith<A, E2, R>(
    key: K,
    f: (lease: Lease.OwnedLease<Conn>, restore: Restore) => Effect.Effect<A, E2, R>,
    options?: AcquireOptions
  ): Effect.Effect<A, AcquireError | E | E2, R> {
    const { core } = this
    return Effect.uninterruptibleMask((restore) => {
      const holder = self()
      const lease = take(core, key, options, holder)
      return lease !== undefined
        ? owned(lease, f, restore)
        : wait(core, key, options, holder, restore, (served) => owned(served, f, restore))
    })
  }

  warm(key: K, connections: number): Effect.Effect<void, AcquireError | E> {
    return warm(this.core, key, connections)
  }

  retire(key: K): Effect.Effect<void> {
    return Effect.sync(() => {
      const host = find(this.core, key)
      if (host !== undefined) step(host, Transitions.retireAll)
    })
  }

  reconfigure(change: Partial<Options<K>>): Effect.Effect<void, ConfigInvalid> {
    return reconfigure(this.core, change)
  }

  hostStats(key: K): ReturnType<ConnectionPool<K, Conn, E>["hostStats"]> {
    return Effect.sync(() => Option.map(Option.fromNullable(find(this.core, key)), hostStats))
  }

  pipe(): unknown {
    return pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return { _id: "ConnectionPool", name: this.core.settings.name, stats: poolStats(this.core) }
  }
}

/** The inside of a pool, for whoever checks it from outside: simulations and benchmarks. */
export const coreOf = <K, Conn, E>(pool: ConnectionPool<K, Conn, E>): Core<K, Conn, E> => {
  if (pool instanceof Pool) return pool.core
  throw new TypeError("not a pool of this copy of @watertight/pool")
}
