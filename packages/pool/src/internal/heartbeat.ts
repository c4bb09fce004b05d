/**
 * Notices when the clock has jumped: the health checker's loop beats once an interval, so when the last beat is much too long
 * ago, the process or its machine stood still. What was alive before may not be now.
 */
import * as MutableHashMap from "effect/MutableHashMap"
import { PoolEvent } from "../PoolEvent.ts"
import type { Core } from "./core.ts"
import * as Transitions from "./state/transitions.ts"

export const beat = <K, Conn, E>(core: Core<K, Conn, E>, at: number): void => {
  notice(core, at)
  core.heartbeat = at
}

/** Called before anything is lent: one comparison while time passes as it should. */
export const notice = <K, Conn, E>(core: Core<K, Conn, E>, at: number): void => {
  // Late by half an interval is a busy event loop; later, or earlier than the last beat, is a jump.
  const late = at - core.heartbeat - core.settings.healthCheckInterval * 1.5
  if (late <= 0 && at >= core.heartbeat) return
  if (core.settings.healthCheckInterval === Infinity) return
  core.events.emit(PoolEvent.ClockJumped({ at, by: at - core.heartbeat }))
  core.heartbeat = at
  for (const host of MutableHashMap.values(core.hosts)) Transitions.suspect(host.state)
  core.timekeeper.readjust()
  for (const alarm of Object.values(core.alarms)) alarm.readjust()
}
