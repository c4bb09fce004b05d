import { Clock, Duration, Effect } from "effect"
import type { Prng } from "./prng.ts"

interface Timer {
  readonly dueMillis: number
  /** Timers due at the same moment fire in the order of this number. */
  readonly tieBreak: number
  readonly number: number
  readonly run: () => void
  live: boolean
}

/**
 * Time that moves only when the simulator fires a timer. The methods are those of the clock that Effect itself uses,
 * including `scheduler()`, which its public type leaves out.
 */
export class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  readonly #random: Prng
  readonly #heap: Array<Timer> = []
  #now = 0
  #created = 0
  #live = 0

  constructor(random: Prng) {
    this.#random = random
  }

  /** Timers set and not yet fired or cancelled. */
  get pending(): number {
    return this.#live
  }

  unsafeCurrentTimeMillis(): number {
    return this.#now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.#now * 1e6))
  }

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.#now)
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.unsafeCurrentTimeNanos())

  scheduler(): Effect.Effect<Clock.ClockScheduler> {
    return Effect.succeed(this)
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const cancel = this.unsafeSchedule(() => resume(Effect.void), duration)
      return Effect.sync(() => {
        cancel()
      })
    })
  }

  unsafeSchedule(run: Clock.Task, duration: Duration.Duration): Clock.CancelToken {
    return this.after(Duration.toMillis(duration), run)
  }

  /** `unsafeSchedule` in milliseconds, for drivers that live outside any fiber. */
  after(millis: number, run: () => void): Clock.CancelToken {
    const dueMillis = this.#now + Math.max(0, millis)
    const timer: Timer = { dueMillis, tieBreak: this.#random.int(1 << 30), number: this.#created++, run, live: true }
    // An infinite sleep never fires; kept out of the heap, it cannot hide a deadlock.
    if (!Number.isFinite(dueMillis)) return () => false
    this.#live++
    this.#push(timer)
    return () => {
      const cancelled = timer.live
      if (cancelled) this.#end(timer)
      return cancelled
    }
  }

  /** The process was frozen (a suspended machine, a stopped container): its timers are late by so much, all at once. */
  jump(millis: number): void {
    this.#now += millis
  }

  /** Moves time to the next timer and runs it. Says which one it was, or nothing if there is none. */
  fireNext(): number | undefined {
    for (let timer = this.#pop(); timer !== undefined; timer = this.#pop()) {
      if (!timer.live) continue
      this.#end(timer)
      // A timer that became due while others ran late fires now: time never moves back.
      this.#now = Math.max(this.#now, timer.dueMillis)
      timer.run()
      return timer.number
    }
    return undefined
  }

  #end(timer: Timer): void {
    timer.live = false
    this.#live--
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.length
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = heap[parentIndex]
      if (parent === undefined || !before(timer, parent)) break
      heap[index] = parent
      index = parentIndex
    }
    heap[index] = timer
  }

  #pop(): Timer | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || top === last) return top
    let index = 0
    for (;;) {
      let childIndex = 2 * index + 1
      let child = heap[childIndex]
      const sibling = heap[childIndex + 1]
      if (child !== undefined && sibling !== undefined && before(sibling, child)) {
        child = sibling
        childIndex++
      }
      if (child === undefined || !before(child, last)) break
      heap[index] = child
      index = childIndex
    }
    heap[index] = last
    return top
  }
}

const before = (left: Timer, right: Timer): boolean =>
  left.dueMillis !== right.dueMillis
    ? left.dueMillis < right.dueMillis
    : left.tieBreak !== right.tieBreak
    ? left.tieBreak < right.tieBreak
    : left.number < right.number
