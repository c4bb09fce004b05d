/** All outcomes of a call: as a whole, by kind, and by name. */
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Outcome } from "./outcome.ts"

type Tagged<O, Tag> = Extract<O, { readonly _tag: Tag }>

/** What became of everything: each outcome once in `outcomes`, and once in the group of its kind; in the order in which they were given. */
export interface Aggregate<out O> {
  readonly outcomes: ReadonlyArray<O>
  readonly successes: ReadonlyArray<Tagged<O, "Succeeded">>
  /** those with typed errors, and those that were late for their own time limit */
  readonly failures: ReadonlyArray<Tagged<O, "Failed">>
  /** those with unexpected errors, and those that interrupted themselves */
  readonly defects: ReadonlyArray<Tagged<O, "Died">>
  /** those that the deadline cut */
  readonly cut: ReadonlyArray<Tagged<O, "Cut">>
  /**
   * Waits until nothing of the call is at work any more. It is so already, unless a source that was cut or was late cannot be
   * interrupted, or takes its time to end.
   */
  readonly settled: Effect.Effect<void>
}

type AnyOutcome = Outcome<object, unknown, unknown>

export class Outcomes<O extends AnyOutcome> implements Aggregate<O> {
  readonly outcomes: ReadonlyArray<O>
  readonly successes: Array<Tagged<O, "Succeeded">> = []
  readonly failures: Array<Tagged<O, "Failed">> = []
  readonly defects: Array<Tagged<O, "Died">> = []
  readonly cut: Array<Tagged<O, "Cut">> = []
  readonly settled: Effect.Effect<void>
  #names: Map<unknown, O> | undefined

  constructor(outcomes: ReadonlyArray<O>, settled: Effect.Effect<void>) {
    this.outcomes = outcomes
    this.settled = settled
    const groups: Readonly<Record<AnyOutcome["_tag"], Array<unknown>>> = {
      Succeeded: this.successes,
      Failed: this.failures,
      Died: this.defects,
      Cut: this.cut
    }
    for (const outcome of outcomes) groups[outcome._tag].push(outcome)
  }

  /** By a map that is made when somebody asks. Of several with one name it is the first. */
  byName(name: unknown): Option.Option<O> {
    if (this.#names === undefined) {
      this.#names = new Map()
      for (const outcome of this.outcomes) {
        const own = "name" in outcome ? outcome.name : undefined
        if (!this.#names.has(own)) this.#names.set(own, outcome)
      }
    }
    return Option.fromNullable(this.#names.get(name))
  }
}
