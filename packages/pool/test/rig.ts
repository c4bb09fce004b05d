/** A pool on a scripted network, watched: whatever goes wrong inside of it, or is left behind by it, fails the test. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ConnectionPool from "../src/ConnectionPool.ts"
import type { Connector } from "../src/Connector.ts"
import type { Lease } from "../src/Lease.ts"
import type { Options } from "../src/PoolConfig.ts"
import type { AcquireError, ConfigInvalid } from "../src/PoolError.ts"
import type { HostStats } from "../src/PoolStats.ts"
import { TestConnector } from "../src/testing/index.ts"

export type TestPool = ConnectionPool.ConnectionPool<string, TestConnector.TestConnection, TestConnector.Refused>
type Failure = AcquireError | TestConnector.Refused

/**
 * A pool that checks its invariants after every step. The test fails if any of its fibers died, be it one that nobody looks
 * at, and if its shutdown does not end by itself.
 */
export const poolOf = <K, Conn, E>(
  connector: Connector<K, Conn, E>,
  config: Partial<Options<NoInfer<K>>> = {}
): Effect.Effect<ConnectionPool.ConnectionPool<K, Conn, E>, ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const troubles: Array<string> = []
    const logger = Logger.make(({ cause, logLevel, message }) => {
      if (LogLevel.lessThan(logLevel, LogLevel.Error)) return
      troubles.push([message, cause].map((part) => Inspectable.toStringUnknown(part, 0)).join(" "))
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(troubles, [])))
    const pool = yield* ConnectionPool.make({
      connector,
      config: { checkInvariants: true, shutdownGrace: 0, ...config }
    }).pipe(
      Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)),
      Effect.locally(FiberRef.unhandledErrorLogLevel, Option.some(LogLevel.Error))
    )
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        const ending = yield* Effect.fork(pool.shutdown)
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(Option.isSome(yield* ending.poll), "the shutdown did not end")
      })
    )
    return pool
  })

/** The same on a scripted network, of which no socket may be left but those whose close hangs. */
export const rig = (
  config: Partial<Options<string>> = {},
  options: TestConnector.Options & { readonly left?: number } = {}
): Effect.Effect<{ network: TestConnector.TestNetwork; pool: TestPool }, ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const network = yield* TestConnector.make(options)
    yield* Effect.addFinalizer(() =>
      Effect.map(network.openNow(), (left) => assert.strictEqual(left, options.left ?? 0, "sockets left behind"))
    )
    return { network, pool: yield* poolOf(network.connector, config) }
  })

/** Lets everything run that can without the time going on; much cheaper than `TestClock.adjust(0)`. */
export const settle: Effect.Effect<void> = Effect.repeatN(Effect.yieldNow(), 60)

/** A borrower of a test: it holds what it got until it is told to end. */
export interface Borrower {
  readonly fiber: Fiber.RuntimeFiber<void, Failure>
  readonly has: Effect.Effect<boolean>
  /** the lease, which must be there already */
  readonly lease: Effect.Effect<Lease<TestConnector.TestConnection>>
  /** the error, which must be there already */
  readonly error: Effect.Effect<Failure>
  readonly waits: Effect.Effect<boolean>
  readonly release: Effect.Effect<void>
  readonly die: Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
}

/** Starts to borrow, lets everything run, and holds on. */
export const borrow = (
  pool: TestPool,
  key = "a",
  options?: ConnectionPool.AcquireOptions
): Effect.Effect<Borrower> =>
  Effect.gen(function*() {
    let lease: Lease<TestConnector.TestConnection> | undefined
    const end = yield* Deferred.make<void>()
    const hold = (given: Lease<TestConnector.TestConnection>) => {
      lease = given
      return Deferred.await(end)
    }
    const fiber = yield* Effect.fork(pool.use(key, hold, options))
    yield* settle
    return {
      fiber,
      has: Effect.sync(() => lease !== undefined),
      lease: Effect.suspend(() => lease === undefined ? Effect.dieMessage("no lease yet") : Effect.succeed(lease)),
      error: Effect.flatMap(fiber.poll, (exit) =>
        Option.isSome(exit)
          ? Effect.flip(exit.value).pipe(Effect.orDieWith(() => new Error("the borrower has not failed")))
          : Effect.dieMessage("the borrower is not done")),
      waits: Effect.map(fiber.poll, (exit) => Option.isNone(exit) && lease === undefined),
      release: Effect.zipRight(Deferred.succeed(end, undefined), settle),
      die: Effect.zipRight(Deferred.die(end, new Error("a defect of the borrower")), settle),
      interrupt: Effect.zipRight(Fiber.interrupt(fiber), settle)
    }
  })

/** Several borrowers, one after the other. */
export const borrowers = (pool: TestPool, count: number, key = "a"): Effect.Effect<Array<Borrower>> =>
  Effect.all(Array.from({ length: count }, () => borrow(pool, key)))

/** Which of them have a connection. */
export const holders = (all: ReadonlyArray<Borrower>): Effect.Effect<Array<number>> =>
  Effect.map(
    Effect.all(all.map((one) => one.has)),
    (have) => have.flatMap((has, index) => has ? [index] : [])
  )

/** The stats of a host that the pool knows. */
export const statsOf = (pool: TestPool, key = "a"): Effect.Effect<HostStats> =>
  Effect.map(pool.hostStats(key), Option.getOrThrow)

/** Borrows and gives back at once; tells by which connection it was served. */
export const ask = (pool: TestPool, key = "a", options?: ConnectionPool.AcquireOptions) =>
  pool.use(key, (lease) => Effect.succeed(lease.connection.id), options)
