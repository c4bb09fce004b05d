/** Dials ahead, so that as many connections are idle as the floor `minIdle` asks for. */
import type * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import type { Core, Host } from "../core.ts"
import { refresh } from "../resolve.ts"
import * as Transitions from "../state/transitions.ts"
import { step } from "../step.ts"
import { loop } from "./loop.ts"

export const replenisher = <K, Conn, E>(core: Core<K, Conn, E>): Effect.Effect<never> =>
  loop(core, "replenisher", core.alarms.replenisher, (at) => {
    let next = Infinity
    for (const host of MutableHashMap.values(core.hosts)) next = Math.min(next, replenish(host, at))
    return next
  })

/** One host's share of a round; tells when to try again. */
const replenish = <K, Conn, E>(host: Host<K, Conn, E>, at: number): number => {
  const { addresses, settings } = host.state
  if (settings.minIdle === 0) return Infinity
  if (host.replenishAt > at) return lacking(host) > 0 ? host.replenishAt : Infinity
  // Set before the first step, since each step asks for another round as long as the floor is broken.
  host.replenishAt = at + retryPause
  if (!addresses.known) {
    refresh(host)
    return host.replenishAt
  }
  // After failures, nobody is waiting: there is time.
  const avoidedUntil = addresses.avoidedUntil()
  if (avoidedUntil > at) {
    host.replenishAt = avoidedUntil
    return avoidedUntil
  }
  while (lacking(host) > 0) {
    const obstacle = step(host, (state, time, out) => Transitions.warm(state, () => undefined, time, out))
    if (obstacle !== undefined) return host.replenishAt
  }
  host.replenishAt = 0
  return Infinity
}

const lacking = <K, Conn, E>({ state }: Host<K, Conn, E>): number =>
  state.settings.minIdle - state.idle.size - Math.max(0, state.connecting.size - state.waiters.size)

const retryPause = 1_000
