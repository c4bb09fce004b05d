import { Effect, type Scope } from "effect"
import type { Cell } from "../../measure.ts"
import { makeStopwatch, settleHeap, type Stopwatch } from "../../stopwatch.ts"

/**
 * How a queue is measured without the fork of its callers. The fibers of the crowd are forked once, before anything is
 * timed, and park at a gate. One round: the driver takes the only connection, the clock starts, the gate opens, every
 * fiber of the crowd asks for the connection and is queued; when all of them have asked, the driver gives the
 * connection back, each fiber gets it in turn, keeps it for one turn of the scheduler (as any exchange with a peer
 * would), gives it back and parks at the gate again; the last one stops the clock. Nobody asks twice in a round, so a
 * pool that lets newcomers barge is not favoured.
 *
 * To pass the gate, to be parked and resumed as a fiber and to keep the connection for a turn is in that time too. A
 * crowd of the same size at a bare queue (`bareQueue.ts`) does just that; its time in the same round is subtracted.
 */
export interface Queue {
  /** Borrows the only connection, runs `inside`, and gives it back. */
  readonly use: (inside: Effect.Effect<void>) => Effect.Effect<unknown, unknown>
  /** How many are queued, where the queue can tell: the measurement refuses to run when not all of the crowd are. */
  readonly waiting?: Effect.Effect<number>
}

/**
 * How many rounds a sample has. A crowd of thousands moves so much memory that a full collection falls into a round or does
 * not: of four rounds each sample has its share.
 */
export const roundsFor = (operations: number, size: number): number =>
  Math.max(Math.ceil(operations / size), size > 1_000 ? 4 : 1)

/** Past everything that the fibers and promises now ready to run can do. */
const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** A crowd that is there while its scope is open; runs one round. */
const gather = (
  size: number,
  queue: Queue
): Effect.Effect<(watch: Stopwatch, whileAllWait: Effect.Effect<void>) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const gate: Array<() => void> = []
    let asked = 0
    let served = 0
    let onLast = (): void => undefined

    const pass = Effect.async<void>((resume) => {
      gate.push(() => resume(Effect.void))
    })
    const use = queue.use(Effect.yieldNow())
    const ask = Effect.suspend(() => {
      asked += 1
      return use
    })
    const leave = Effect.sync(() => {
      served += 1
      if (served === size) onLast()
    })
    const member = Effect.orDie(Effect.forever(Effect.zipRight(pass, Effect.zipRight(ask, leave))))
    yield* Effect.forEach(Array.from({ length: size }), () => Effect.forkScoped(member), { discard: true })
    yield* nextTurn

    // No turn of the event loop, which would outweigh a round of ten. One more yield than needed lets the last one park.
    const untilAllAsked: Effect.Effect<void> = Effect.suspend(() =>
      asked < size ? Effect.zipRight(Effect.yieldNow(), untilAllAsked) : Effect.yieldNow()
    )
    const untilAllServed = Effect.async<void>((resume) => {
      if (served === size) resume(Effect.void)
      else onLast = () => resume(Effect.void)
    })
    return (watch, whileAllWait) => {
      const letThemAsk = Effect.suspend(() => {
        watch.start()
        for (const open of gate.splice(0)) open()
        return Effect.zipRight(untilAllAsked, whileAllWait)
      })
      return Effect.suspend(() => {
        asked = 0
        served = 0
        onLast = () => undefined
        return Effect.orDie(queue.use(letThemAsk))
      }).pipe(
        Effect.zipRight(untilAllServed),
        Effect.zipRight(Effect.sync(watch.stop)),
        // The last one still has to reach the gate, outside the time.
        Effect.zipRight(nextTurn)
      )
    }
  })

/**
 * Each sample gathers a crowd of its own: the collector would charge one that waits for its turn to the others. Its fibers
 * have left the young space before the clock starts, or to move them there would be charged to the queue.
 */
export const fiberCrowdCell = (
  name: string,
  size: number,
  makeQueue: Effect.Effect<Queue, never, Scope.Scope>
): Cell => ({
  name,
  sample: (operations) =>
    Effect.scoped(Effect.gen(function*() {
      const queue = yield* makeQueue
      const round = yield* gather(size, queue)
      const proof = Effect.flatMap(
        queue.waiting ?? Effect.succeed(size),
        (count) => count === size ? Effect.void : Effect.dieMessage(`${name}: ${count} wait instead of ${size}`)
      )
      yield* round(makeStopwatch(), proof)
      settleHeap()
      const watch = makeStopwatch()
      const rounds = roundsFor(operations, size)
      for (let done = 0; done < rounds; done += 1) yield* round(watch, Effect.void)
      return { operations: rounds * size, ...watch.read() }
    }))
})
