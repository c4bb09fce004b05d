import { Effect, Option, type Scope } from "effect"
import type { Cell } from "../../measure.ts"
import { makeStopwatch } from "../../stopwatch.ts"
import { makeHandClock } from "./handClock.ts"
import { fill, makeWatertight, roomFor } from "./watertight.ts"

/**
 * One iteration of the evictor over a large pool, seen from outside. The pool's time stands still; its other loops are
 * off. Beside the idle connections that are to stay, one host has a connection whose time is soon over: the clock is
 * moved on to that moment, and the tick lasts until that connection is gone. The evictor looks at all of them to find
 * it.
 */
const DECOY = "decoy"
const DECOY_MILLIS = 10

const nextTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

export const evictionTickCell = (
  name: string,
  hosts: ReadonlyArray<string>,
  perHost: number
): Effect.Effect<Cell, never, Scope.Scope> =>
  Effect.gen(function*() {
    const time = makeHandClock(Date.now())
    const connections = hosts.length * perHost
    const pool = yield* makeWatertight({
      ...roomFor(connections + 1, hosts.length + 1),
      healthCheckInterval: Infinity,
      dnsRefreshInterval: Infinity,
      leakThreshold: Infinity,
      overrides: (key) => key === DECOY ? { idleTimeout: DECOY_MILLIS } : {}
    }).pipe(Effect.withClock(time.clock))
    yield* fill(pool, hosts, perHost)
    const decoyIsGone = Effect.map(
      pool.hostStats(DECOY),
      Option.match({ onNone: () => true, onSome: (host) => host.total + host.closing === 0 })
    )
    const untilGone: Effect.Effect<void> = Effect.flatMap(decoyIsGone, (gone) =>
      gone ? Effect.void : Effect.zipRight(nextTurn, untilGone))
    return {
      name,
      sample: (operations) =>
        Effect.gen(function*() {
          const watch = makeStopwatch()
          for (let tick = 0; tick < operations; tick += 1) {
            yield* pool.warm(DECOY, 1)
            yield* nextTurn
            watch.start()
            time.advance(DECOY_MILLIS)
            yield* nextTurn
            yield* untilGone
            watch.stop()
          }
          const { idle } = yield* pool.stats
          if (idle !== connections) {
            return yield* Effect.dieMessage(`${idle} are idle after the ticks, not ${connections}`)
          }
          return { operations, ...watch.read() }
        })
    }
  })
