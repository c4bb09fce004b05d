/**
 * Every deadline of a pool (waiting, dialing, closing, checking) in one heap that one fiber keeps: a deadline costs a few
 * comparisons, not a fiber.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Alarm } from "./alarm.ts"
import type { Fibers } from "./fibers.ts"

export interface Timer {
  readonly at: number
  readonly run: () => void
  /** its place in the heap; -1 once it has rung or was cancelled */
  index: number
}

export class Timekeeper {
  private readonly alarm: Alarm
  private readonly clock: Clock.Clock
  private readonly heap: Array<Timer> = []

  constructor(clock: Clock.Clock, fibers: Fibers) {
    this.clock = clock
    this.alarm = new Alarm(clock, fibers)
  }

  get size(): number {
    return this.heap.length
  }

  /** Runs something then, once, unless cancelled. Never, if the time is Infinity. */
  at(at: number, run: () => void): Timer | undefined {
    if (at === Infinity) return undefined
    const timer: Timer = { at, run, index: this.heap.length }
    this.heap.push(timer)
    this.up(timer)
    this.alarm.soonest(at)
    return timer
  }

  cancel(timer: Timer | undefined): void {
    if (timer === undefined || timer.index < 0) return
    const { index } = timer
    timer.index = -1
    const last = this.heap.pop()
    if (last === undefined || last === timer) return
    this.put(last, index)
    this.up(last)
    this.down(last)
  }

  /** See `Alarm.readjust`. */
  readjust(): void {
    this.alarm.readjust()
  }

  clear(): void {
    for (const timer of this.heap) timer.index = -1
    this.heap.length = 0
  }

  /** One turn of the loop: waits for the next deadline and runs what is due. */
  get turn(): Effect.Effect<void> {
    return Effect.zipRight(
      this.alarm.wait,
      Effect.sync(() => {
        const now = this.clock.unsafeCurrentTimeMillis()
        try {
          for (let next = this.heap[0]; next !== undefined && next.at <= now; next = this.heap[0]) {
            this.cancel(next)
            next.run()
          }
        } finally {
          // whatever one of them did, the others ring
          if (this.heap[0] !== undefined) this.alarm.soonest(this.heap[0].at)
        }
      })
    )
  }

  private put(timer: Timer, index: number): void {
    this.heap[index] = timer
    timer.index = index
  }

  private up(timer: Timer): void {
    while (timer.index > 0) {
      const { index } = timer
      const above = (index - 1) >> 1
      const parent = this.heap[above]
      if (parent === undefined || parent.at <= timer.at) return
      this.put(parent, index)
      this.put(timer, above)
    }
  }

  private down(timer: Timer): void {
    while (true) {
      const { index } = timer
      const left = this.heap[2 * index + 1]
      const right = this.heap[2 * index + 2]
      const least = right !== undefined && left !== undefined && right.at < left.at ? right : left
      if (least === undefined || least.at >= timer.at) return
      const below = least.index
      this.put(least, index)
      this.put(timer, below)
    }
  }
}
