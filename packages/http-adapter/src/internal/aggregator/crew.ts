/** The fibers of one call: whoever is at work for it is counted, can be interrupted, and can be waited for. */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"

/** Whoever made the call: its fibers inherit from that one as a fork would. */
export interface Caller<R> {
  readonly context: Context.Context<R>
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly flags: RuntimeFlags.RuntimeFlags
  readonly clock: Clock.Clock
}

/** Does something on behalf of the calling fiber. */
export const withCaller = <A, E, R>(use: (caller: Caller<R>) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.contextWithEffect((context: Context.Context<R>) =>
    Effect.clockWith((clock) =>
      Effect.withFiberRuntime<A, E, R>((fiber, { runtimeFlags: flags }) => use({ context, fiber, flags, clock }))
    )
  )

/** Whoever ends because it is interrupted does so within some turns of the scheduler, for which no time passes. */
const turnsToEnd = 10

export class Crew<R> {
  private readonly caller: Caller<R>
  private readonly alive = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  private readonly spawn: <A, E>(effect: Effect.Effect<A, E, R>) => Fiber.RuntimeFiber<A, E>
  private waiting: Array<() => void> = []
  private dismissed = false

  constructor(caller: Caller<R>) {
    this.caller = caller
    // Interruptible whatever the caller is: a deadline has to hold in a region that is not to be interrupted as well.
    const interruptible = RuntimeFlags.enable(caller.flags, RuntimeFlags.Interruption)
    const runtimeFlags = RuntimeFlags.disable(interruptible, RuntimeFlags.WindDown)
    const fiberRefs = caller.fiber.getFiberRefs()
    this.spawn = Runtime.runFork(Runtime.make({ context: caller.context, runtimeFlags, fiberRefs }))
  }

  get size(): number {
    return this.alive.size
  }

  /**
   * Starts at once: what is over without waiting for anything is over when this returns. So no fiber can be interrupted before its
   * first step either.
   */
  run<A, E>(effect: Effect.Effect<A, E, R>, onEnd?: (exit: Exit.Exit<A, E>) => void): Fiber.RuntimeFiber<A, E> {
    const fiber = this.spawn(effect)
    this.alive.add(fiber)
    fiber.addObserver((exit) => {
      this.alive.delete(fiber)
      onEnd?.(exit)
      if (this.alive.size === 0) { for (const tell of this.waiting.splice(0)) tell() }
    })
    if (this.dismissed) interrupt(fiber)
    return fiber
  }

  /** Interrupts everybody, and whoever comes later. */
  dismiss(): void {
    this.dismissed = true
    for (const fiber of this.alive) interrupt(fiber)
  }

  /** Until nobody is left. */
  readonly gone: Effect.Effect<void> = Effect.async<void>((resume) => this.whenGone(() => resume(Effect.void)))

  /** Until nobody is left, but not for longer than the grace. */
  goneWithin(grace: number): Effect.Effect<void> {
    return Effect.iterate(0, {
      while: (turn) => turn < turnsToEnd && this.alive.size > 0,
      body: (turn) => Effect.as(Effect.yieldNow(), turn + 1)
    }).pipe(
      Effect.zipRight(
        Effect.suspend(() =>
          this.alive.size === 0 || grace === 0 ? Effect.void : grace === Infinity ? this.gone : this.wait(grace)
        )
      )
    )
  }

  private wait(grace: number): Effect.Effect<void> {
    const timer = new Crew<R>(this.caller)
    const either = Effect.async<void>((resume) => {
      const done = () => resume(Effect.void)
      this.whenGone(done)
      timer.run(this.caller.clock.sleep(Duration.millis(grace)), done)
    })
    return Effect.zipRight(
      either,
      Effect.suspend(() => {
        timer.dismiss()
        return timer.gone
      })
    )
  }

  private whenGone(tell: () => void): void {
    if (this.alive.size === 0) tell()
    else this.waiting.push(tell)
  }
}

/** Asks a fiber to end, without waiting for it. */
export const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined): void =>
  fiber?.unsafeInterruptAsFork(FiberId.none)
