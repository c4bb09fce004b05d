/** How a connection is lent and comes back. PURE. */
import type { CloseReason } from "../../PoolStats.ts"
import * as Breaker from "./breaker.ts"
import type { Decisions } from "./decision.ts"
import { close, hasRoom, overdue, reasonToEnd, retire, setBreaker } from "./ending.ts"
import type { HostState } from "./hostState.ts"
import type { Member } from "./member.ts"
import type { Waiter } from "./waiters.ts"

/**
 * The connection to lend next, if one is there: first one with room beside its leases, then the most recently used idle one.
 * Those found past their time are ended on the way. `freshSince`: only one will do that was opened since then and has carried
 * no lease yet.
 */
export const lendable = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>,
  freshSince?: number
): C | undefined => {
  let spare = freshSince === undefined ? state.spare.last : undefined
  while (spare !== undefined) {
    const before = spare.previous
    const reason = reasonToEnd(state, spare, now)
    if (reason === undefined) return spare as C // only C enters a HostState<C, W>
    spare.retiring = reason
    state.move(spare, state.busy)
    spare = before
  }
  let idle = state.idle.last
  while (idle !== undefined) {
    const before = idle.previous
    if (!idle.reserved) {
      const reason = reasonToEnd(state, idle, now) ?? (overdue(state, idle, now) ? "idle" : undefined)
      if (reason !== undefined) close(state, idle, reason, out)
      else if (!idle.suspect && (freshSince === undefined || isFresh(idle, freshSince))) return idle as C // as above
    }
    idle = before
  }
  return undefined
}

const isFresh = (member: Member, since: number): boolean => member.uses === 0 && member.openedAt >= since

export const lend = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: C, now: number): void => {
  state.usedAt = now
  state.counters.acquired++
  if (member.uses > 0) state.counters.reused++
  member.uses++
  member.leases++
  member.endpoint.leases++
  state.move(member, hasRoom(member) ? state.spare : state.busy)
}

/** An open connection goes where its leases and its age say. */
export const settle = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  now: number,
  out: Decisions<C, W>
): void => {
  if (member.leases > 0) {
    state.move(member, hasRoom(member) ? state.spare : state.busy)
    return
  }
  const reason = reasonToEnd(state, member, now) ?? (exceeded(state) ? "surplus" : undefined)
  if (reason !== undefined) close(state, member, reason, out)
  else if (member.list !== state.idle) {
    member.idleSince = now
    member.asked = undefined
    state.move(member, state.idle)
  }
}

/** More connections than a lowered limit allows, not counting those that are on their way out. */
const exceeded = <C extends Member, W extends Waiter>({ closing, settings, total, used }: HostState<C, W>): boolean =>
  used - closing.size > settings.maxConnectionsPerHost || total.used - total.closing > total.limit

/** How a lease ended. */
export type Outcome =
  /** the peer did its part */
  | { readonly _tag: "Done" }
  /** nothing is known about the peer: it was interrupted or its failure was reported already */
  | { readonly _tag: "Unknown" }
  /** the lease never reached its caller */
  | { readonly _tag: "Unused" }
  /** the connection must not be used again */
  | { readonly _tag: "Close"; readonly reason: CloseReason }

/** The end of a lease. Nothing happens if the connection was closed under it. */
export const giveBack = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  outcome: Outcome,
  now: number,
  out: Decisions<C, W>
): void => {
  state.usedAt = now
  if (!state.isOpen(member)) return
  member.leases--
  member.endpoint.leases--
  switch (outcome._tag) {
    case "Close":
      return close(state, member, outcome.reason, out)
    case "Unused": {
      member.uses--
      state.counters.acquired--
      if (member.uses > 0) state.counters.reused--
      break
    }
    case "Done": {
      if (member.endpoint.breaker !== Breaker.closed) proven(state, member, out)
      break
    }
    case "Unknown":
      break
  }
  settle(state, member, now, out)
}

/** The peer did its part over this connection. */
export const proven = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  out: Decisions<C, W>
): void => {
  const next = Breaker.succeed(member.endpoint.breaker, member.probe)
  member.probe = false
  setBreaker(state, member.endpoint, next, out)
}

/**
 * The lease says that the peer failed. If that opens the breaker, nothing that leads there is lent any more: it is the
 * connections that do not serve. (A dial that fails says nothing about those that are open: a peer at its own limit refuses new
 * ones and serves the others.)
 */
export const blame = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  now: number,
  out: Decisions<C, W>
): void => {
  const { endpoint } = member
  const before = endpoint.breaker.state
  const next = Breaker.fail(endpoint.breaker, state.settings.breaker, member.probe, now)
  member.probe = false
  setBreaker(state, endpoint, next, out)
  if (next.state !== "open" || before === "open") return
  for (const list of [state.idle, state.spare, state.busy]) {
    for (const other of list) if (other.endpoint === endpoint) retire(state, other, "unhealthy", out)
  }
}
