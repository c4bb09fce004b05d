/** Runs a program of the aggregator in virtual time, with every fiber and every sleep that it causes under watch. */
import { assert } from "@effect/vitest"
import {
  Clock,
  type Context,
  type Duration,
  Effect,
  type Exit,
  Fiber,
  type Option,
  Supervisor,
  TestClock
} from "effect"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** Who was started, and who is still there. */
export class Watch extends Supervisor.AbstractSupervisor<void> implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private readonly under: Clock.Clock
  readonly alive = new Set<AnyFiber>()
  started = 0
  sleeping = 0
  /** how often somebody began to sleep */
  sleeps = 0

  constructor(under: Clock.Clock) {
    super()
    this.under = under
  }

  override get value(): Effect.Effect<void> {
    return Effect.void
  }

  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: Option.Option<AnyFiber>,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    this.started++
    this.alive.add(fiber)
  }

  override onEnd<A, E>(_exit: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.alive.delete(fiber)
  }

  unsafeCurrentTimeMillis(): number {
    return this.under.unsafeCurrentTimeMillis()
  }

  unsafeCurrentTimeNanos(): bigint {
    return this.under.unsafeCurrentTimeNanos()
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        this.sleeps++
        this.sleeping++
      }),
      () => this.under.sleep(duration),
      () => Effect.sync(() => this.sleeping--)
    )
  }

  /** Whatever it starts is watched; but not what it runs in itself. */
  over<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return effect.pipe(Effect.withClock(this), Effect.supervised(this))
  }

  /** Runs it to its end while the time goes on. */
  after<A, E, R>(duration: Duration.DurationInput, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.gen(this, function*() {
      const fiber = yield* Effect.fork(this.over(effect))
      yield* TestClock.adjust(duration)
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "Some", "it goes on")
      return yield* Fiber.join(fiber)
    })
  }

  /** Nobody is at work, and nobody sleeps. */
  assertNothingLeft(): void {
    assert.deepStrictEqual({ fibers: this.alive.size, sleeping: this.sleeping }, { fibers: 0, sleeping: 0 })
  }
}

/** The test fails if anything that was watched is left when the program has ended. */
export const watched = <A, E, R>(program: (watch: Watch) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.clock, (clock) => {
    const watch = new Watch(clock)
    return Effect.tap(program(watch), () => Effect.sync(() => watch.assertNothingLeft()))
  })

/** Gives a value after so long. */
export const later = <A>(millis: number, value: A): Effect.Effect<A> => Effect.as(Effect.sleep(millis), value)

/** Lets everything run that can without the time going on. */
export const settle: Effect.Effect<void> = TestClock.adjust(0)
