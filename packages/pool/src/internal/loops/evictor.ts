/** Closes connections that have been idle for too long or are past their lifetime, and forgets hosts that nobody uses. */
import type * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import type { Core, Host } from "../core.ts"
import { forget, forgettable } from "../hosts.ts"
import * as Transitions from "../state/transitions.ts"
import { step } from "../step.ts"
import { loop } from "./loop.ts"

export const evictor = <K, Conn, E>(core: Core<K, Conn, E>): Effect.Effect<never> =>
  loop(core, "evictor", core.alarms.evictor, (at) => {
    let next = Infinity
    for (const host of MutableHashMap.values(core.hosts)) next = Math.min(next, evict(host, at))
    return next
  })

/** One host's share of a round; tells when to look again. */
const evict = <K, Conn, E>(host: Host<K, Conn, E>, at: number): number => {
  const { state } = host
  // A step only where there is something to do: most rounds pass most hosts by.
  const next = state.idle.size === 0 ? Infinity : step(host, Transitions.evict)
  if (!forgettable(host)) return next
  // A breaker's memory outlives its connections, or an unused dead host would be tried afresh.
  const until = Math.max(state.usedAt + state.settings.idleTimeout, at + state.addresses.retryAfter(at))
  if (until > at) return Math.min(next, until)
  forget(host)
  return next
}
