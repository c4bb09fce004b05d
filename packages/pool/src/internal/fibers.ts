/** The pool's own fibers besides its loops: dials, closes, checks, resolutions. None outlives the pool. */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"

export class Fibers {
  private readonly alive = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  private whenEmpty: (() => void) | undefined = undefined
  private readonly fork: (effect: Effect.Effect<unknown>) => Fiber.RuntimeFiber<unknown, unknown>

  constructor(runtime: Runtime.Runtime<never>) {
    // A fiber that could be interrupted before its first step would end without having cleaned up after itself: each starts
    // uninterruptible and says itself where it may be interrupted.
    const uninterruptible = Runtime.disableRuntimeFlag(runtime, RuntimeFlags.Interruption)
    // Not immediate: whoever forks is in the middle of a step.
    this.fork = (effect) => Runtime.runFork(uninterruptible)(effect, { immediate: false })
  }

  get size(): number {
    return this.alive.size
  }

  run(effect: Effect.Effect<unknown>): Fiber.RuntimeFiber<unknown, unknown> {
    const fiber = this.fork(effect)
    this.alive.add(fiber)
    fiber.addObserver(() => {
      this.alive.delete(fiber)
      if (this.alive.size === 0) this.whenEmpty?.()
    })
    return fiber
  }

  /** For what must not be interrupted: a close, and the end of the pool itself. Each one is waited for by other means. */
  apart(effect: Effect.Effect<unknown>): void {
    this.fork(effect)
  }

  /** Interrupts all of them, and tells when none is left: never, as long as one hangs uninterruptibly. */
  stop(whenEmpty: () => void): void {
    for (const fiber of this.alive) interrupt(fiber)
    if (this.alive.size === 0) whenEmpty()
    else this.whenEmpty = whenEmpty
  }
}

/** Asks a fiber to end, without waiting for it. */
export const interrupt = (fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined): void =>
  fiber?.unsafeInterruptAsFork(FiberId.none)
