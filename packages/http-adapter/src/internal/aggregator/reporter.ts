/** Tells a program how far a call has come. Nothing that the program does then can lose an outcome. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Outcome } from "./outcome.ts"

/** How far a call has come, and by what. */
export interface Progress<out O> {
  /** what is known now and was not before */
  readonly outcome: O
  /** outcomes that are known, this one among them */
  readonly done: number
  /** outcomes that there will be */
  readonly total: number
  /** how many of each kind are known */
  readonly successes: number
  readonly failures: number
  readonly defects: number
  readonly cut: number
}

const kinds = { Succeeded: "successes", Failed: "failures", Died: "defects", Cut: "cut" } as const

const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logWarning("a progress callback failed", cause)

/** A callback as it was given: if it gives an effect, that is to be run. */
export type Tell<R> = (progress: Progress<unknown>) => Effect.Effect<unknown, unknown, R> | undefined

export class Reporter<R> {
  private readonly tell: Tell<R>
  private readonly total: number
  private readonly run: (effect: Effect.Effect<void, never, R>) => void
  private readonly counts = { successes: 0, failures: 0, defects: 0, cut: 0 }
  private readonly queue: Array<Effect.Effect<unknown, unknown, R>> = []
  private done = 0
  private working = false

  constructor(
    tell: Tell<R>,
    total: number,
    run: (effect: Effect.Effect<void, never, R>) => void
  ) {
    this.tell = tell
    this.total = total
    this.run = run
  }

  get busy(): boolean {
    return this.working
  }

  report(outcome: Outcome<object, unknown, unknown>): void {
    this.counts[kinds[outcome._tag]]++
    const progress = { outcome, done: ++this.done, total: this.total, ...this.counts }
    try {
      const told = this.tell(progress)
      if (Effect.isEffect(told)) this.enqueue(told)
    } catch (thrown) {
      this.enqueue(Effect.die(thrown))
    }
  }

  /** One after the other, in order, whatever each of them does. */
  private enqueue(effect: Effect.Effect<unknown, unknown, R>): void {
    this.queue.push(effect)
    if (this.working) return
    this.working = true
    this.run(
      Effect.whileLoop({
        while: () => this.queue.length > 0,
        body: () => Effect.catchAllCause(this.queue.shift() ?? Effect.void, complain),
        step: () => {}
      }).pipe(Effect.ensuring(Effect.sync(() => {
        this.working = false
      })))
    )
  }
}
