/**
 * Asks every idle connection, through that very connection, whether its peer is there: so many at once, and each one is
 * proven alive within the interval plus the time of one check, or closed.
 */
import type * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import type { Connection } from "../connection.ts"
import { type Core, now } from "../core.ts"
import { beat } from "../heartbeat.ts"
import * as Transitions from "../state/transitions.ts"
import { step } from "../step.ts"
import { loop } from "./loop.ts"

export const healthChecker = <K, Conn, E>(core: Core<K, Conn, E>): Effect.Effect<never> => {
  /** asked, but not yet checked; in the order in which they were asked */
  const queue = new Set<Connection<K, Conn, E>>()
  let last = now(core)
  core.onCheckSlot = () => checkNext(core, queue)
  return loop(core, "health checker", core.alarms.healthChecker, (at) => {
    const { healthCheckInterval } = core.settings
    if (healthCheckInterval === Infinity) {
      // They will not be asked any more, so nobody waits for their answer.
      for (const connection of queue) connection.asked = undefined
      queue.clear()
      return Infinity
    }
    // had the clock been set back, the last round would be in the future
    last = Math.min(last, at)
    if (at < last + healthCheckInterval) {
      // The first round, or settings have changed: perhaps more checks may run at once than before.
      checkNext(core, queue)
      return last + healthCheckInterval
    }
    last = at
    beat(core, at)
    ask(core, queue, at)
    checkNext(core, queue)
    return at + healthCheckInterval
  })
}

const ask = <K, Conn, E>(core: Core<K, Conn, E>, queue: Set<Connection<K, Conn, E>>, at: number): void => {
  let longest = 0
  let asked = false
  for (const host of MutableHashMap.values(core.hosts)) {
    for (const member of host.state.idle) {
      const connection = member as Connection<K, Conn, E> // only connections of this pool are in its hosts' states
      if (connection.asked !== undefined || connection.reserved) continue
      connection.asked = at
      queue.add(connection)
      asked = true
    }
    longest = Math.max(longest, host.state.settings.healthCheckTimeout)
  }
  if (!asked) return
  // However slow or hung the checks are, what was asked now is proven by then or not trusted any more.
  core.timekeeper.at(at + core.settings.healthCheckInterval + longest, () => {
    for (const host of MutableHashMap.values(core.hosts)) {
      step(host, (state, time, out) => Transitions.unproven(state, at, time, out))
    }
  })
}

const checkNext = <K, Conn, E>(core: Core<K, Conn, E>, queue: Set<Connection<K, Conn, E>>): void => {
  for (const connection of queue) {
    if (!core.checks.free || core.closed) return
    queue.delete(connection)
    const { host } = connection
    // It may have been lent, proven by use, or closed since it was asked.
    if (connection.list !== host.state.idle || connection.asked === undefined || connection.reserved) continue
    step(host, (state) => Transitions.reserve(state, connection))
    core.actions.check(host, connection)
  }
}
