import { Effect } from "effect"
import type { Queue } from "./crowd.ts"
import type { PromisePool } from "./peers/promises.ts"

/**
 * The least a queue can cost: an array of callbacks, with no limit, no timeout and no interruption. What it takes is the
 * price of fibers (or async functions) that wait at all, so it is what the real queues are measured against.
 */
interface Turns {
  /** Whether the caller may go on at once; otherwise it is called when its turn has come. */
  readonly take: (onTurn: () => void) => boolean
  readonly giveBack: () => void
  readonly waiting: () => number
}

const makeTurns = (): Turns => {
  let taken = false
  let callbacks: Array<() => void> = []
  let next = 0
  return {
    take(onTurn) {
      if (taken) {
        callbacks.push(onTurn)
        return false
      }
      taken = true
      return true
    },
    giveBack() {
      const callback = callbacks[next]
      if (callback === undefined) {
        callbacks = []
        next = 0
        taken = false
      } else {
        next += 1
        callback()
      }
    },
    waiting: () => callbacks.length - next
  }
}

export const makeBareQueue = Effect.sync((): Queue => {
  const turns = makeTurns()
  const take = Effect.async<void>((resume) => {
    if (turns.take(() => resume(Effect.void))) resume(Effect.void)
  })
  const giveBack = Effect.sync(turns.giveBack)
  return {
    use: (inside) => Effect.zipRight(take, Effect.zipRight(inside, giveBack)),
    waiting: Effect.sync(turns.waiting)
  }
})

export const makeBarePromiseQueue = Effect.sync((): PromisePool => {
  const turns = makeTurns()
  const connection = {}
  return {
    acquire: () =>
      new Promise((resolve) => {
        if (turns.take(() => resolve(connection))) resolve(connection)
      }),
    release: turns.giveBack,
    waiting: turns.waiting
  }
})
