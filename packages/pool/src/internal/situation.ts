/** The pool's errors, filled in with how the host stands. */
import type { Situation } from "../PoolError.ts"
import * as PoolError from "../PoolError.ts"
import { type Core, type Host, now } from "./core.ts"
import type { Refusal } from "./state/decision.ts"

export const situation = <K, Conn, E>(host: Host<K, Conn, E>, since: number): Situation => {
  const { state } = host
  return {
    host: host.label,
    waited: now(host.core) - since,
    active: state.active,
    idle: state.idle.size,
    connecting: state.connecting.size,
    closing: state.closing.size,
    waiting: state.waiters.undialedSize,
    limit: state.settings.maxConnectionsPerHost
  }
}

/** For a host that the pool does not know (any more). */
export const unknownHost = <K, Conn, E>(core: Core<K, Conn, E>, label: string): Situation => ({
  host: label,
  waited: 0,
  active: 0,
  idle: 0,
  connecting: 0,
  closing: 0,
  waiting: 0,
  limit: core.settings.maxConnectionsPerHost
})

export const refused = <K, Conn, E>(
  host: Host<K, Conn, E>,
  refusal: Exclude<Refusal, { readonly _tag: "Failed" }>,
  since: number
): PoolError.AcquireError => {
  const at = situation(host, since)
  switch (refusal._tag) {
    case "QueueFull":
      return new PoolError.QueueFull({ ...at, maxWaiters: host.state.settings.maxWaitersPerHost })
    case "Closed":
      return new PoolError.PoolClosed(at)
    case "Unavailable":
      return new PoolError.HostUnavailable({ ...at, reason: refusal.reason, retryAfter: refusal.retryAfter })
  }
}
