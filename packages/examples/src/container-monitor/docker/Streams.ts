/**
 * The streams of an engine that are open. Each holds a connection for as long as it lasts, so no more of them are let in than leave some
 * connections to questions that are answered at once.
 */
import { Deferred, Effect, Exit, FiberId, type Scope } from "effect"

export interface Counts {
  readonly open: number
  readonly waiting: number
  readonly limit: number
}

export interface Streams {
  /** Waits for a place, which is given back with the scope. First come, first served. */
  readonly enter: Effect.Effect<void, never, Scope.Scope>
  readonly counts: Effect.Effect<Counts>
}

/**
 * Not a semaphore of Effect's: who is interrupted in the very step in which it gets a permit of that one keeps it for ever.
 */
export const make = (limit: number): Streams => {
  let open = 0
  const waiting = new Set<Deferred.Deferred<void>>()

  const leave = Effect.sync(() => {
    const [first] = waiting
    if (first === undefined) {
      open -= 1
      return
    }
    // the place goes to the next one without having been free
    waiting.delete(first)
    Deferred.unsafeDone(first, Exit.void)
  })

  const enter = Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      if (open < limit) {
        open += 1
        return Effect.addFinalizer(() => leave)
      }
      const turn = Deferred.unsafeMake<void>(FiberId.none)
      waiting.add(turn)
      return restore(Deferred.await(turn)).pipe(
        // who is not waiting any more has a place by now
        Effect.onInterrupt(() => Effect.suspend(() => waiting.delete(turn) ? Effect.void : leave)),
        Effect.zipRight(Effect.addFinalizer(() => leave))
      )
    })
  )

  return { enter, counts: Effect.sync(() => ({ open, waiting: waiting.size, limit })) }
}
