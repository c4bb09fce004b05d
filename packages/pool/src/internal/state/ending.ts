/** How a connection ends: why it must, that it does, and what is left of it. PURE. */
import type { CloseReason } from "../../PoolStats.ts"
import type { Endpoint } from "./addresses.ts"
import * as Breaker from "./breaker.ts"
import type { Decisions } from "./decision.ts"
import type { HostState } from "./hostState.ts"
import type { Member } from "./member.ts"
import type { Waiter } from "./waiters.ts"

/** Why a connection must not be lent again; undefined when it may. */
export const reasonToEnd = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  now: number
): CloseReason | undefined =>
  member.retiring ??
    (member.uses >= state.settings.maxUses ? "used" : now >= member.expiresAt ? "aged" : undefined)

/** Whether it has been idle for too long; the floor `minIdle` is kept. */
export const overdue = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  now: number
): boolean => now - member.idleSince >= state.settings.idleTimeout && state.idle.size > state.settings.minIdle

/** Ends the connection, whoever holds it. Its permit stays taken until `gone` or `abandon`. */
export const close = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  reason: CloseReason,
  out: Decisions<C, W>,
  detail?: string
): void => {
  if (!state.isOpen(member)) return
  member.endpoint.leases -= member.leases
  member.endpoint.connections--
  if (member.awaited) {
    member.awaited = false
    state.proving--
  }
  member.reserved = false
  member.closeReason = reason
  member.detail ??= detail
  state.counters.closedBy[reason] = (state.counters.closedBy[reason] ?? 0) + 1
  state.move(member, state.closing)
  state.total.closing++
  out.push({ _tag: "Close", member: member as C }) // only C enters a HostState<C, W>
  forgoProbe(state, member, out)
  state.addresses.forgetIfUnused(member.endpoint)
}

/** Lends the connection no more, and ends it when no lease is left. */
export const retire = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  reason: CloseReason,
  out: Decisions<C, W>,
  detail?: string
): void => {
  member.retiring ??= reason
  member.detail ??= detail
  if (!state.isOpen(member)) return
  if (member.leases === 0) close(state, member, reason, out)
  else state.move(member, state.busy)
}

/** The socket is gone: its permit is free. */
export const gone = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: Member): boolean => {
  if (member.list === state.closing) {
    state.total.closing--
    state.total.give()
  } else if (member.list !== state.abandoned) return false
  state.counters.closed++
  state.drop(member)
  return true
}

/** The close hung: its permit is free, and its end is no longer waited for. */
export const abandon = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: Member): boolean => {
  if (member.list !== state.closing) return false
  state.total.closing--
  state.total.give()
  state.move(member, state.abandoned)
  return true
}

/** The breaker of an address changes. */
export const setBreaker = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  endpoint: Endpoint,
  next: Breaker.Breaker,
  out: Decisions<C, W>
): void => {
  const from = endpoint.breaker.state
  endpoint.breaker = next
  if (from === next.state) return
  out.push({ _tag: "BreakerChanged", endpoint, from, to: next.state })
  if (from === "halfOpen") endTrial(state, endpoint)
}

/** The verdict on an address is there: other probes still under way neither change it nor count in the next trial. */
const endTrial = <C extends Member, W extends Waiter>(state: HostState<C, W>, endpoint: Endpoint): void => {
  for (const list of [state.connecting, state.idle, state.busy]) {
    for (const member of list) {
      if (member.endpoint !== endpoint || !member.probe) continue
      member.probe = false
      if (list === state.busy && hasRoom(member)) state.move(member, state.spare)
    }
  }
}

/** Whether it may be lent beside the leases that it has. A probe carries one until its verdict. */
export const hasRoom = (member: Member): boolean =>
  member.leases < member.capacity && member.retiring === undefined && !member.probe

/** A probe ends without a verdict: its place is free for another. */
export const forgoProbe = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  out: Decisions<C, W>
): void => {
  if (!member.probe) return
  member.probe = false
  setBreaker(state, member.endpoint, Breaker.forgo(member.endpoint.breaker), out)
}
