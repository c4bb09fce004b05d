/**
 * The permits of a host, as an Effect semaphore beside the state: taken in the very step in which the state lets a dial start,
 * released in the step in which its socket is gone. The state decides, the semaphore bears witness: had the state ever let one
 * socket too many through, `take` would have to wait, and a synchronous run that waits throws.
 */
import * as Effect from "effect/Effect"

export const take = (permits: Effect.Semaphore): void => {
  Effect.runSync(permits.take(1))
}

export const release = (permits: Effect.Semaphore): void => {
  Effect.runSync(permits.release(1))
}

export const resize = (permits: Effect.Semaphore, limit: number): void => {
  Effect.runSync(permits.resize(limit))
}

/** How many are free. Releasing none tells. */
export const free = (permits: Effect.Semaphore): number => Effect.runSync(permits.release(0))
