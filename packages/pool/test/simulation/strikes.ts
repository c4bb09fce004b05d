import { FiberId } from "effect"
import type { Prng } from "./prng.ts"
import type { AnyFiber, FiberTrack } from "./readyQueue.ts"

interface Target {
  readonly fiber: AnyFiber
  readonly track: FiberTrack
}

/**
 * Interrupts out of the blue: at any step, one of the enlisted fibers may be interrupted, each at most once. Three in
 * four go to a fiber that was resumed and has not run yet, since hand-offs are lost in that window.
 */
export class Strikes {
  readonly #random: Prng
  readonly #probability: number
  #targets: Array<Target> = []
  #stepsToNext: number
  #struck = 0

  constructor(random: Prng, probability: number) {
    this.#random = random
    this.#probability = probability
    this.#stepsToNext = random.trialsUntilSuccess(probability)
  }

  get struck(): number {
    return this.#struck
  }

  enlist(fiber: AnyFiber, track: FiberTrack): void {
    this.#targets.push({ fiber, track })
  }

  /** Called once a step. Gives the number of the fiber that was struck, if one was. */
  step(): number | undefined {
    if (--this.#stepsToNext > 0) return undefined
    this.#stepsToNext = this.#random.trialsUntilSuccess(this.#probability)
    this.#targets = this.#targets.filter(({ fiber }) => fiber.unsafePoll() === null)
    const resumed = this.#targets.filter(({ track }) => track.queued > 0)
    const victim = this.#random.pick(resumed.length > 0 && this.#random.int(4) > 0 ? resumed : this.#targets)
    if (victim === undefined) return undefined
    this.#targets.splice(this.#targets.indexOf(victim), 1)
    this.#struck++
    victim.fiber.unsafeInterruptAsFork(FiberId.none)
    return victim.track.number
  }
}
