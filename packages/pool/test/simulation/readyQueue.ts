import type { Fiber } from "effect"
import type { Prng } from "./prng.ts"

export type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** What the scheduler knows of a fiber. `FiberId` counts per process, so a run numbers its fibers itself. */
export interface FiberTrack {
  readonly number: number
  /** Its tasks in the queue: above zero, the fiber has been resumed and has not run yet. */
  queued: number
  /** `pausing` from a forced yield until it is queued again, `resuming` while the yield's own epilogue runs. */
  forcedYield: "none" | "pausing" | "resuming"
}

interface ReadyTask {
  readonly run: () => void
  readonly fiber: FiberTrack
}

/** The tasks that may run next. Any fiber may be next; within one fiber the order stands, as in Effect's own scheduler. */
export class ReadyQueue {
  readonly #tasks: Array<ReadyTask> = []
  readonly #tracks = new Map<AnyFiber, FiberTrack>()
  readonly #outsider: FiberTrack = { number: 0, queued: 0, forcedYield: "none" }

  get size(): number {
    return this.#tasks.length
  }

  get fibersSeen(): number {
    return this.#tracks.size
  }

  /** Tasks without a fiber share one track. */
  track(fiber: AnyFiber | undefined): FiberTrack {
    if (fiber === undefined) return this.#outsider
    const known = this.#tracks.get(fiber)
    if (known !== undefined) return known
    const track: FiberTrack = { number: this.#tracks.size + 1, queued: 0, forcedYield: "none" }
    this.#tracks.set(fiber, track)
    return track
  }

  push(run: () => void, fiber: FiberTrack): void {
    fiber.queued++
    this.#tasks.push({ run, fiber })
  }

  /** Takes the oldest task of a fiber chosen by the seed; fibers with several tasks are chosen in proportion. */
  take(random: Prng): ReadyTask | undefined {
    const tasks = this.#tasks
    if (tasks.length <= 1) return this.#taken(tasks.pop())
    const drawn = random.int(tasks.length)
    const fiber = tasks[drawn]?.fiber
    const oldest = fiber === undefined || fiber.queued === 1 ? drawn : tasks.findIndex((task) => task.fiber === fiber)
    return this.#taken(oldest === 0 ? tasks.shift() : tasks.splice(oldest, 1)[0])
  }

  #taken(task: ReadyTask | undefined): ReadyTask | undefined {
    if (task !== undefined) task.fiber.queued--
    return task
  }
}
