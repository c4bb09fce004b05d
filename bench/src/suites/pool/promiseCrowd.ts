import { Effect, type Scope } from "effect"
import type { Cell } from "../../measure.ts"
import { makeStopwatch, settleHeap, type Stopwatch } from "../../stopwatch.ts"
import { roundsFor } from "./crowd.ts"
import type { PromisePool } from "./peers/promises.ts"

/** The rounds of `crowd.ts` for a pool of promises: its crowd are async functions, with no fiber anywhere. */

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Crowd {
  readonly round: (watch: Stopwatch) => Promise<void>
  readonly disperse: () => void
}

const gather = (size: number, pool: PromisePool): Crowd => {
  let gate: Array<() => void> = []
  let closing = false
  let served = 0
  let onLast = (): void => undefined

  const openGate = (): void => {
    const parked = gate
    gate = []
    for (const open of parked) open()
  }
  const member = async (): Promise<void> => {
    while (true) {
      await new Promise<void>((resolve) => gate.push(resolve))
      if (closing) return
      const connection = await pool.acquire()
      await undefined
      pool.release(connection)
      served += 1
      if (served === size) onLast()
    }
  }
  for (let index = 0; index < size; index += 1) void member()

  return {
    async round(watch) {
      served = 0
      const last = new Promise<void>((resolve) => {
        onLast = resolve
      })
      const held = await pool.acquire()
      watch.start()
      openGate()
      do await undefined
      while (pool.waiting() < size)
      pool.release(held)
      await last
      watch.stop()
      await nextTurn()
    },
    disperse() {
      closing = true
      openGate()
    }
  }
}

export const promiseCrowdCell = (
  name: string,
  size: number,
  makePool: Effect.Effect<PromisePool, never, Scope.Scope>
): Cell => ({
  name,
  sample: (operations) =>
    Effect.scoped(Effect.gen(function*() {
      const pool = yield* makePool
      const crowd = yield* Effect.acquireRelease(
        Effect.sync(() => gather(size, pool)),
        ({ disperse }) => Effect.sync(disperse)
      )
      const watch = makeStopwatch()
      const rounds = roundsFor(operations, size)
      yield* Effect.promise(async () => {
        await crowd.round(makeStopwatch())
        settleHeap()
        for (let done = 0; done < rounds; done += 1) await crowd.round(watch)
      })
      return { operations: rounds * size, ...watch.read() }
    }))
})
