import { Cause, type Context, Effect, type Exit, type Fiber, type Option, Supervisor } from "effect"
import type { AnyFiber } from "./readyQueue.ts"

/**
 * Every fiber that the program forks, daemons included: who is still alive, and who died of a defect. A loop that dies
 * quietly in the background is a bug that no invariant on the state would show.
 */
export class FiberCensus extends Supervisor.AbstractSupervisor<void> {
  readonly alive = new Set<AnyFiber>()
  readonly #onDefect: (description: string) => void

  constructor(onDefect: (description: string) => void) {
    super()
    this.#onDefect = onDefect
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
    this.alive.add(fiber)
  }

  override onEnd<A, E>(exit: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.alive.delete(fiber)
    if (exit._tag === "Failure" && Cause.isDie(exit.cause)) this.#onDefect(Cause.pretty(exit.cause))
  }
}
