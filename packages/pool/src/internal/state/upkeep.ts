/** What the loops do to a host: evict, check, refresh, take in hand. PURE. */
import type { CloseReason } from "../../PoolStats.ts"
import type { Endpoint } from "./addresses.ts"
import type { Decisions, Refusal } from "./decision.ts"
import type { Failure } from "./dial.ts"
import { cancel } from "./dialing.ts"
import { close, overdue, reasonToEnd, retire } from "./ending.ts"
import type { HostState } from "./hostState.ts"
import type { Member } from "./member.ts"
import { firstUnreserved, refuse } from "./pairing.ts"
import type { Waiter } from "./waiters.ts"

/** Ends the idle connections that are past their time, and tells when to look again. */
export const evict = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>
): number => {
  let next = Infinity
  for (const member of state.idle) {
    if (member.reserved) {
      // looked at again once its check is over, which is bounded
      next = Math.min(next, now + state.settings.healthCheckTimeout)
      continue
    }
    const reason = reasonToEnd(state, member, now) ?? (overdue(state, member, now) ? "idle" : undefined)
    if (reason !== undefined) close(state, member, reason, out)
    else next = Math.min(next, expiry(state, member))
  }
  return next
}

/** When an idle connection is past its time. One kept by `minIdle` is only past its lifetime. */
export const expiry = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: Member): number =>
  state.idle.size > state.settings.minIdle
    ? Math.min(member.expiresAt, member.idleSince + state.settings.idleTimeout)
    : member.expiresAt

/** When to look, now that this connection is idle: one more than the floor, and an older one may be past its time already. */
export const nextExpiry = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: Member): number =>
  state.idle.first === undefined
    ? expiry(state, member)
    : Math.min(expiry(state, member), expiry(state, state.idle.first))

/** Whether one more connection without a lease would be kept; if not, opening it would only have one closed. */
export const mayBeIdle = <C extends Member, W extends Waiter>(
  { connecting, idle, settings, total }: HostState<C, W>
): boolean => idle.size + connecting.size < settings.maxIdlePerHost && total.idle + connecting.size < total.idleLimit

/** Closes idle connections, the oldest first, until no limit is exceeded. */
export const trim = <C extends Member, W extends Waiter>(state: HostState<C, W>, out: Decisions<C, W>): void => {
  const { settings, total } = state
  // Nearly always so, and answered without a look at what is being closed.
  if (
    state.idle.size <= settings.maxIdlePerHost && total.idle <= total.idleLimit &&
    state.used <= settings.maxConnectionsPerHost && total.used <= total.limit
  ) return
  while (
    state.idle.size > settings.maxIdlePerHost || total.idle > total.idleLimit ||
    state.used - state.closing.size > settings.maxConnectionsPerHost || total.used - total.closing > total.limit
  ) {
    const oldest = firstUnreserved(state)
    if (oldest === undefined) return
    close(state, oldest, "surplus", out)
  }
}

/** The check of a reserved connection is over. */
export const checked = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  alive: boolean,
  out: Decisions<C, W>,
  detail?: string
): void => {
  if (!member.reserved || !state.isOpen(member)) return
  member.reserved = false
  if (member.awaited) {
    member.awaited = false
    state.proving--
  }
  if (!alive) return close(state, member, "unhealthy", out, detail)
  member.asked = undefined
  member.suspect = false
}

/** The clock jumped: what was alive before may not be now. */
export const suspect = <C extends Member, W extends Waiter>(state: HostState<C, W>): void => {
  for (const member of state.idle) member.suspect = true
}

/** A new answer of the resolver: idle connections to departed addresses end, busy ones end after use. */
export const learn = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  addresses: ReadonlyArray<string>,
  now: number,
  out: Decisions<C, W>
): { added: Array<Endpoint>; removed: Array<Endpoint> } => {
  state.resolving = false
  const change = state.addresses.learn(addresses, now)
  if (change.removed.length > 0) retireAll(state, "addressGone", out, (member) => !member.endpoint.current)
  return change
}

/** The resolver failed. The last good answer stands; without one, those who waited for it get its failure. */
export const unresolved = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  failure: Failure | undefined,
  out: Decisions<C, W>
): void => {
  state.resolving = false
  if (state.addresses.known) return
  refuseAll(
    state,
    failure === undefined
      ? { _tag: "Unavailable", reason: "noAddress", retryAfter: 0 }
      : { _tag: "Failed", failure },
    out
  )
}

/** Whoever leaves passes its dial on, which moves others: so always the first, not one after the other. */
const refuseAll = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  refusal: Refusal,
  out: Decisions<C, W>
): void => {
  for (let first = state.waiters.first; first !== undefined; first = state.waiters.first) {
    refuse(state, first, refusal, out)
  }
}

/** Lends the host's connections no more: idle ones end now, active ones after use, those being dialed when they open. */
export const retireAll = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  reason: CloseReason,
  out: Decisions<C, W>,
  which: (member: Member) => boolean = () => true
): void => {
  for (const list of [state.connecting, state.idle, state.spare, state.busy]) {
    for (const member of list) if (which(member)) retire(state, member, reason, out)
  }
}

/** The pool is closing: nobody is served any more, and what has no lease ends. */
export const shut = <C extends Member, W extends Waiter>(state: HostState<C, W>, out: Decisions<C, W>): void => {
  state.shut = true
  refuseAll(state, { _tag: "Closed" }, out)
  for (const effort of state.dials) {
    for (const member of effort.attempts) cancel(state, member, out)
    state.dials.delete(effort)
    effort.ended?.(undefined)
  }
  retireAll(state, "shutdown", out)
}

/** The grace is over: what still has a lease ends too. */
export const cut = <C extends Member, W extends Waiter>(state: HostState<C, W>, out: Decisions<C, W>): number => {
  const leased = [...state.busy, ...state.spare]
  for (const member of leased) close(state, member, "shutdown", out)
  return leased.length
}
