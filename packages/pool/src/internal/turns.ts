/** Who is next when all hosts together have as many connections as they may: in turn, and idle ones elsewhere make room. */
import * as MutableHashMap from "effect/MutableHashMap"
import type { Core, Host } from "./core.ts"
import { firstUnreserved } from "./state/pairing.ts"
import * as Transitions from "./state/transitions.ts"
import { step } from "./step.ts"

export const takeTurns = <K, Conn, E>(core: Core<K, Conn, E>): void => {
  // Each turn is a step, and each step asks for turns: the outermost one takes them all.
  if (core.turning) return
  core.turning = true
  try {
    serveLine(core)
    makeRoom(core)
  } finally {
    core.turning = false
  }
}

const serveLine = <K, Conn, E>(core: Core<K, Conn, E>): void => {
  const { total } = core
  // Whoever was served elsewhere meanwhile needs no turn, and nobody has to make room for it.
  for (const state of total.line) if (state.waiters.firstUndialed === undefined) total.line.delete(state)
  // Whoever is served and wants more stands at the end of the line, so it ends when the permits do.
  for (const state of total.line) {
    const waiter = state.waiters.firstUndialed
    if (waiter === undefined) {
      total.line.delete(state)
      continue
    }
    if (total.used >= total.limit) return
    const { used } = total
    step(waiter.host, Transitions.turn)
    // It could not use its turn: something else is missing, which will bring it back.
    if (total.used === used && total.first === state) total.line.delete(state)
  }
}

const makeRoom = <K, Conn, E>(core: Core<K, Conn, E>): void => {
  while (core.total.wanted > 0) {
    const host = leastRecentlyUsed(core)
    if (host === undefined || !step(host, Transitions.reclaimed)) return
  }
}

/** The host with the connection that has been idle for the longest. */
const leastRecentlyUsed = <K, Conn, E>(core: Core<K, Conn, E>): Host<K, Conn, E> | undefined => {
  if (core.total.idle === 0) return undefined
  let least: Host<K, Conn, E> | undefined
  let since = Infinity
  for (const host of MutableHashMap.values(core.hosts)) {
    const idle = firstUnreserved(host.state)
    if (idle !== undefined && idle.idleSince < since) {
      least = host
      since = idle.idleSince
    }
  }
  return least
}
