/** Outcomes in the order of their arrival, for one reader, whose pace holds up what has not begun yet. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { Bell } from "./bell.ts"
import { type Caller, withCaller } from "./crew.ts"
import type { Limits } from "./limits.ts"
import { ofCut, type Outcome, type SourceTimeout } from "./outcome.ts"
import { type Item, Run, type Work } from "./run.ts"

/** What is to come, asked for as there is room. */
export interface Feed<Of extends object, A, E, R> {
  open(): Iterator<Item<Of, A, E, R>>
  label(of: Of): string
}

type Arrived<Of extends object, A, E> = Outcome<Of, A, E | SourceTimeout>

/** So many of those that were never begun are told of at a time: there may be no end of them. */
const cutAtOnce = 64

class Arrivals<Of extends object, A, E, R> {
  readonly run: Run<Of, A, E, R>
  private readonly bell = new Bell()
  private readonly items: Iterator<Item<Of, A, E, R>>
  private arrived: Array<Arrived<Of, A, E>> = []
  /** those with the reader, who has not asked for more yet */
  private handed = 0
  /** those that were never begun and were told of */
  private never = 0
  private exhausted = false

  constructor(caller: Caller<R>, feed: Feed<Of, A, E, R>, limits: Limits) {
    this.items = feed.open()
    const work: Work<Of, A, E, R> = {
      next: () => this.next(),
      label: (of) => feed.label(of),
      record: (outcome) => {
        this.arrived.push(outcome)
        this.bell.ring()
      },
      held: () => Math.max(0, this.arrived.length + this.handed - limits.buffer),
      busy: () => false,
      over: () => this.bell.ring()
    }
    this.run = new Run(caller, limits, work)
  }

  /** Whoever asks for more has done with what was handed over. */
  readonly pull: Effect.Effect<Chunk.Chunk<Arrived<Of, A, E>>, Option.Option<E | SourceTimeout>> = Effect.suspend(
    () => {
      this.handed = 0
      this.run.fill()
      return this.take
    }
  )

  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.run.close()
    return Effect.zipRight(
      this.run.crew.gone,
      Effect.sync(() => {
        if (!this.exhausted) this.items.return?.()
      })
    )
  })

  private readonly take: typeof this.pull = Effect.suspend(() => {
    if (this.arrived.length > 0) return this.hand(this.arrived.splice(0))
    const { expired, failure, over } = this.run
    if (failure !== undefined) return Effect.failCause(Cause.map(failure, Option.some))
    if (expired) return this.tellOfTheRest()
    if (over) return Effect.fail(Option.none())
    return Effect.zipRight(this.bell.until(() => this.arrived.length > 0 || this.run.over), this.take)
  })

  private hand(outcomes: Array<Arrived<Of, A, E>>): typeof this.pull {
    this.handed = outcomes.length
    return Effect.succeed(Chunk.unsafeFromArray(outcomes))
  }

  private tellOfTheRest(): typeof this.pull {
    const rest: Array<Arrived<Of, A, E>> = []
    while (rest.length < cutAtOnce) {
      const item = this.next()
      if (item === undefined) break
      rest.push(ofCut(item.of, this.run.started + this.never++, false, 0))
    }
    return rest.length === 0 ? Effect.fail(Option.none()) : this.hand(rest)
  }

  private next(): Item<Of, A, E, R> | undefined {
    if (this.exhausted) return undefined
    const { done, value } = this.items.next()
    if (done !== true) return value
    this.exhausted = true
    return undefined
  }
}

/**
 * Begins at once, and ends with the scope: whoever is still at work then is interrupted and waited for. What sources have acquired
 * is released behind the last of them, so it is in a scope of its own: that of the stream would release it in front of them.
 */
export const arrivals = <Of extends object, A, E, R>(
  feed: Feed<Of, A, E, R>,
  limits: Limits
): Effect.Effect<
  Effect.Effect<Chunk.Chunk<Arrived<Of, A, E>>, Option.Option<E | SourceTimeout>>,
  never,
  R | Scope.Scope
> =>
  Effect.acquireRelease(
    withCaller((caller: Caller<R>) =>
      Effect.map(Scope.make(), (scope) => {
        const begun = new Arrivals(
          { ...caller, context: Context.add(caller.context, Scope.Scope, scope) },
          feed,
          limits
        )
        begun.run.start()
        return { begun, scope }
      })
    ),
    ({ begun, scope }, exit) => Effect.ensuring(begun.end, Scope.close(scope, exit))
  ).pipe(Effect.map(({ begun }) => begun.pull))
