/**
 * One call at work: starts what there is to do, as much of it at once as may be, keeps the time limits, and accounts for everything
 * that it started exactly once. It runs in callbacks, between the fibers: what is started, cut or over is so in one step.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { Countdown } from "./countdown.ts"
import { type Caller, Crew, interrupt } from "./crew.ts"
import type { Limits } from "./limits.ts"
import { ofCut, ofExit, ofTimeout, type Outcome, SourceTimeout } from "./outcome.ts"

/** One thing to do. */
export interface Item<out Of, out A, out E, out R> {
  /** what its outcome says about it */
  readonly of: Of
  readonly effect: Effect.Effect<A, E, R>
}

/** What there is to do, and who wants to know what became of it. */
export interface Work<Of extends object, A, E, R> {
  /** the next one, if there is one */
  next(): Item<Of, A, E, R> | undefined
  /** how an error calls it */
  label(of: Of, index: number): string
  /** called once for each that was started */
  record(outcome: Outcome<Of, A, E | SourceTimeout>): void
  /** results that keep the place of a source, because nobody has taken them yet */
  held(): number
  /** whether there is more to wait for than the sources */
  busy(): boolean
  /** called when there is nothing left to wait for: once at least */
  over(): void
}

interface Task<out Of> {
  readonly of: Of
  readonly index: number
  readonly since: number
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** its outcome is known; its fiber may still have to end */
  over: boolean
}

/** After so many starts in a row others have their turn. */
const startsInARow = 256

export class Run<Of extends object, A, E, R> {
  readonly crew: Crew<R>
  private readonly caller: Caller<R>
  private readonly limits: Limits
  private readonly work: Work<Of, A, E, R>
  private readonly countdown: Countdown<R>
  private readonly deadline: number
  /** in the order in which they were started, so that the first one is late first */
  private readonly running = new Set<Task<Of>>()
  /** those that are over, and whose fibers are not */
  private ending = 0
  private count = 0
  private filling = false
  private refilling = false
  private exhausted = false
  /** nothing is started any more, and nothing recorded */
  private closed = false
  expired = false
  /** why all of it failed, if it did */
  failure: Cause.Cause<E | SourceTimeout> | undefined

  constructor(caller: Caller<R>, limits: Limits, work: Work<Of, A, E, R>) {
    this.caller = caller
    this.limits = limits
    this.work = work
    this.crew = new Crew(caller)
    this.countdown = new Countdown(this.crew, caller.clock, () => this.look())
    this.deadline = this.now + limits.deadline
  }

  /** how many were started */
  get started(): number {
    return this.count
  }

  /** There is nothing left to wait for: all is done, or nothing more will be. */
  get over(): boolean {
    return this.closed || (this.exhausted && this.running.size === 0 && !this.work.busy())
  }

  start(): void {
    this.fill()
    if (!this.over) this.countdown.soonest(this.deadline)
  }

  /** Starts what may be started; to be called when there may be room. */
  fill(): void {
    if (this.filling) return
    this.filling = true
    try {
      for (let starts = 0; this.mayStart(); starts++) {
        if (starts === startsInARow) {
          this.refillLater()
          break
        }
        this.startNext()
      }
    } catch (thrown) {
      // the iterable of the sources did
      this.fail(Cause.die(thrown))
    }
    this.filling = false
    this.tell()
  }

  /** Nothing more is started or recorded, and whoever is at work is asked to end. */
  close(): void {
    this.closed = true
    this.countdown.stop()
    this.crew.dismiss()
  }

  /** Tells whoever waits, if it is over. */
  tell(): void {
    if (!this.over) return
    this.countdown.stop()
    this.work.over()
  }

  private get now(): number {
    return this.caller.clock.unsafeCurrentTimeMillis()
  }

  private mayStart(): boolean {
    if (this.closed || this.exhausted) return false
    return this.running.size + this.ending + this.work.held() < this.limits.concurrency
  }

  private startNext(): void {
    const since = this.now
    if (since >= this.deadline) return this.expire(since)
    const item = this.work.next()
    if (item === undefined) {
      this.exhausted = true
      return
    }
    const task: Task<Of> = { of: item.of, index: this.count++, since, fiber: undefined, over: false }
    this.running.add(task)
    const fiber = this.crew.run(item.effect, (exit) => this.ended(task, exit))
    if (task.over) return
    task.fiber = fiber
    this.countdown.soonest(Math.min(since + this.limits.timeout, this.deadline))
  }

  private refillLater(): void {
    if (this.refilling) return
    this.refilling = true
    this.crew.run(Effect.zipRight(
      Effect.yieldNow(),
      Effect.sync(() => {
        this.refilling = false
        this.fill()
      })
    ))
  }

  private ended(task: Task<Of>, exit: Exit.Exit<A, E>): void {
    if (task.over) this.ending--
    else {
      this.running.delete(task)
      task.over = true
      if (!this.closed) this.record(ofExit(task.of, task.index, exit, this.now - task.since))
    }
    this.fill()
  }

  /** Its outcome is known before its end. */
  private giveUp(task: Task<Of>, outcome: Outcome<Of, A, E | SourceTimeout>): void {
    this.running.delete(task)
    task.over = true
    this.ending++
    interrupt(task.fiber)
    this.record(outcome)
  }

  /** The countdown rang: somebody may be late. */
  private look(): void {
    if (this.closed) return
    const { now } = this
    if (now >= this.deadline) return this.expire(now)
    const { timeout } = this.limits
    for (const task of this.running) {
      const { index, of, since } = task
      if (now < since + timeout) {
        this.countdown.soonest(since + timeout)
        break
      }
      const error = new SourceTimeout({ name: this.work.label(of, index), index, timeout })
      this.giveUp(task, ofTimeout(of, error, now - since))
      if (this.closed) return
    }
    this.countdown.soonest(this.deadline)
    this.fill()
  }

  private expire(now: number): void {
    this.expired = true
    for (const task of this.running) {
      this.giveUp(task, ofCut(task.of, task.index, true, now - task.since))
    }
    this.closed = true
    this.tell()
  }

  private record(outcome: Outcome<Of, A, E | SourceTimeout>): void {
    this.work.record(outcome)
    if (this.limits.failFast && (outcome._tag === "Failed" || outcome._tag === "Died")) this.fail(outcome.cause)
  }

  private fail(cause: Cause.Cause<E | SourceTimeout>): void {
    this.failure = cause
    this.close()
    this.tell()
  }
}
