/** Watching what a pool would leave behind unseen: fibers and sleeps. And a clock that can jump. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ConnectionPool from "../src/ConnectionPool.ts"
import type { Core } from "../src/internal/core.ts"
import type { Options } from "../src/PoolConfig.ts"
import type { ConfigInvalid } from "../src/PoolError.ts"
import { TestConnector } from "../src/testing/index.ts"
import type { TestPool } from "./rig.ts"
import { settle } from "./rig.ts"

/** The clock that a pool lives by: the test's own, with its sleepers counted, and with jumps. */
export class WatchedClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private readonly under: Clock.Clock
  private offset = 0
  /** fibers that sleep now */
  sleeping = 0
  /** how often the time was looked at */
  reads = 0

  constructor(under: Clock.Clock) {
    this.under = under
  }

  /** The machine was suspended for so long, or its time was set: the clock goes on elsewhere, sleepers do not notice. */
  jump(by: Duration.DurationInput): void {
    this.offset += Duration.toMillis(by)
  }

  jumpBack(by: Duration.DurationInput): void {
    this.offset -= Duration.toMillis(by)
  }

  unsafeCurrentTimeMillis(): number {
    this.reads++
    return this.under.unsafeCurrentTimeMillis() + this.offset
  }

  unsafeCurrentTimeNanos(): bigint {
    return this.under.unsafeCurrentTimeNanos() + BigInt(this.offset) * 1_000_000n
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.sleeping++),
      () => this.under.sleep(duration),
      () => Effect.sync(() => this.sleeping--)
    )
  }
}

/** Every fiber of the process that has not ended, however and by whomever it was forked. */
export const liveFibers: Effect.Effect<number> = Effect.map(
  Effect.zipRight(settle, Metric.value(Metric.fiberActive)),
  ({ count }) => count
)

/** As many fibers as there are without any pool. The clock's own watch over the test is ended first. */
export const fibersBefore: Effect.Effect<number> = Effect.zipRight(TestClock.adjust(0), liveFibers)

/** A pool that lives by a watched clock, in the scope around it. */
export const watched = (
  config: Partial<Options<string>> = {},
  options: TestConnector.Options = {}
): Effect.Effect<
  { readonly clock: WatchedClock; readonly network: TestConnector.TestNetwork; readonly pool: TestPool },
  ConfigInvalid,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const clock = new WatchedClock(yield* Effect.clock)
    const network = yield* TestConnector.make(options)
    const pool = yield* Effect.withClock(
      ConnectionPool.make({ connector: network.connector, config: { checkInvariants: true, ...config } }),
      clock
    )
    return { clock, network, pool }
  })

/** What a pool keeps to itself. */
export const coreOf = (pool: TestPool) =>
  // a private field: the tests of what must not be seen from outside look behind it
  (pool as unknown as { readonly core: Core<string, TestConnector.TestConnection, TestConnector.Refused> }).core
