import { Effect, KeyedPool, Pool, RcMap, type Scope } from "effect"
import { type Cell, loopCell } from "../../../measure.ts"

/** Effect's own means of sharing, each with its resource open and idle, used as their documentation shows. */

const KEY = "host"

const open = (key: string) => Effect.succeed({ key })

export const keyedPoolCell = (name: string): Effect.Effect<Cell, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pool = yield* KeyedPool.make({ acquire: open, size: 1 })
    yield* Effect.scoped(KeyedPool.get(pool, KEY))
    return loopCell(name, () => Effect.scoped(KeyedPool.get(pool, KEY)))
  })

export const poolCell = (name: string): Effect.Effect<Cell, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pool = yield* Pool.make({ acquire: open(KEY), size: 1 })
    yield* Effect.scoped(Pool.get(pool))
    return loopCell(name, () => Effect.scoped(Pool.get(pool)))
  })

/** The reference count falls to 0 each time: the idle time to live starts, and is cut off by the next borrow. */
export const rcMapIdleCell = (name: string): Effect.Effect<Cell, never, Scope.Scope> =>
  Effect.gen(function*() {
    const map = yield* RcMap.make({ lookup: open, idleTimeToLive: "1 minute" })
    return loopCell(name, () => Effect.scoped(RcMap.get(map, KEY)))
  })

/** Somebody else holds the resource all the time: only the reference count moves. */
export const rcMapHeldCell = (name: string): Effect.Effect<Cell, never, Scope.Scope> =>
  Effect.gen(function*() {
    const map = yield* RcMap.make({ lookup: open })
    yield* RcMap.get(map, KEY)
    return loopCell(name, () => Effect.scoped(RcMap.get(map, KEY)))
  })

/** `size` resources for each of the keys, which are asked for in turn. */
export const keyedPoolRotationCell = (
  name: string,
  keys: ReadonlyArray<string>,
  size: number
): Effect.Effect<Cell, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pool = yield* KeyedPool.make({ acquire: open, size })
    yield* Effect.forEach(keys, (key) => Effect.scoped(KeyedPool.get(pool, key)), { discard: true })
    return loopCell(name, (operation) => Effect.scoped(KeyedPool.get(pool, keys[operation % keys.length] ?? KEY)))
  })

export const semaphoreCell = (name: string): Cell => {
  const semaphore = Effect.unsafeMakeSemaphore(1)
  return loopCell(name, () => semaphore.withPermits(1)(Effect.void))
}

export const voidCell = (name: string): Cell => loopCell(name, () => Effect.void)

export const scopedVoidCell = (name: string): Cell => loopCell(name, () => Effect.scoped(Effect.void))
