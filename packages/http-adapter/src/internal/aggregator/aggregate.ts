/** Runs a batch, and gathers what became of it in the order in which it was given. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Bell } from "./bell.ts"
import { type Caller, withCaller } from "./crew.ts"
import type { Limits } from "./limits.ts"
import { ofCut, type Outcome, type SourceTimeout } from "./outcome.ts"
import { Outcomes } from "./outcomes.ts"
import { Reporter, type Tell } from "./reporter.ts"
import { type Item, Run, type Work } from "./run.ts"

/** What there is to do, by its place. */
export interface Batch<Of extends object, A, E, R> {
  readonly size: number
  item(index: number): Item<Of, A, E, R>
  label(of: Of, index: number): string
}

type Gathered<Of, A, E> = Outcomes<Outcome<Of, A, E | SourceTimeout>>

export const aggregate = <Of extends object, A, E, R>(
  batch: Batch<Of, A, E, R>,
  limits: Limits
): Effect.Effect<Gathered<Of, A, E>, E | SourceTimeout, R> =>
  batch.size === 0
    ? Effect.succeed(new Outcomes<Outcome<Of, A, E | SourceTimeout>>([], Effect.void))
    : withCaller((caller) => conduct(caller, batch, limits))

const conduct = <Of extends object, A, E, R>(
  caller: Caller<R>,
  batch: Batch<Of, A, E, R>,
  limits: Limits
): Effect.Effect<Gathered<Of, A, E>, E | SourceTimeout, R> => {
  const outcomes: Array<Outcome<Of, A, E | SourceTimeout>> = Array.from({ length: batch.size })
  const bell = new Bell()
  let given = 0
  const work: Work<Of, A, E, R> = {
    next: () => given < batch.size ? batch.item(given++) : undefined,
    label: (of, index) => batch.label(of, index),
    record: (outcome) => {
      outcomes[outcome.index] = outcome
      reporter?.report(outcome)
    },
    held: () => 0,
    busy: () => reporter?.busy === true,
    over: () => bell.ring()
  }
  const run = new Run(caller, limits, work)
  const reporter = limits.onProgress === undefined
    ? undefined
    // its type was checked where it was given
    : new Reporter<R>(limits.onProgress as Tell<R>, batch.size, (effect) => {
      run.crew.run(effect, () => run.tell())
    })

  const finish = Effect.suspend(() => {
    if (run.failure !== undefined) return Effect.zipRight(run.crew.gone, Effect.failCause(run.failure))
    for (let index = run.started; index < batch.size; index++) {
      work.record(ofCut(batch.item(index).of, index, false, 0))
    }
    run.close()
    const result = new Outcomes(outcomes, run.crew.gone)
    return run.crew.size === 0 ? Effect.succeed(result) : Effect.as(run.crew.goneWithin(limits.grace), result)
  })

  return Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      run.start()
      if (run.over) return finish
      return Effect.flatMap(Effect.exit(restore(bell.until(() => run.over))), (exit) => {
        if (Exit.isSuccess(exit)) return finish
        run.close()
        return Effect.zipRight(run.crew.gone, Effect.failCause(exit.cause))
      })
    })
  )
}
