/**
 * Every event that can happen to a host, as one synchronous step each: the state changes, waiters and connections are paired,
 * and what is to be done about it is left in `out`. This is the face of the pure core; nothing else changes a `HostState`.
 * PURE.
 */
import type { CloseReason } from "../../PoolStats.ts"
import type { Endpoint } from "./addresses.ts"
import type { Decisions } from "./decision.ts"
import type { Failure } from "./dial.ts"
import * as Dialing from "./dialing.ts"
import * as Ending from "./ending.ts"
import type { HostState } from "./hostState.ts"
import * as Lending from "./lending.ts"
import type { Member } from "./member.ts"
import * as Pairing from "./pairing.ts"
import * as Upkeep from "./upkeep.ts"
import type { Waiter } from "./waiters.ts"

/** The fast path: lends a connection that is there. */
export const take = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>
): C | undefined => {
  const member = Lending.lendable(state, now, out)
  if (member !== undefined) Lending.lend(state, member, now)
  return member
}

/** A caller waits. */
export const join = Pairing.join

/** A waiter leaves by itself. */
export const leave = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  waiter: W,
  now: number,
  out: Decisions<C, W>
): void => {
  if (!waiter.queued) return
  const { dial } = waiter
  state.waiters.leave(waiter)
  Pairing.pair(state, now, out)
  if (dial !== undefined && !state.settings.keepDials) Dialing.forsake(state, dial, out)
}

/** A lease ends. */
export const release = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  outcome: Lending.Outcome,
  now: number,
  out: Decisions<C, W>
): void => {
  Lending.giveBack(state, member, outcome, now, out)
  Pairing.pair(state, now, out)
  Upkeep.trim(state, out)
}

/** An attempt has a connection. */
export const opened = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  expiresAt: number,
  now: number,
  out: Decisions<C, W>
): void => {
  Dialing.opened(state, member, expiresAt, now, out)
  Pairing.pair(state, now, out)
  // No lease will give a verdict on a probe that nobody waited for: that it opened is the verdict.
  if (member.probe && member.list === state.idle) Lending.proven(state, member, out)
  Upkeep.trim(state, out)
}

/** An attempt failed and its socket is gone. */
export const failed = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  failure: Failure,
  now: number,
  out: Decisions<C, W>
): void => {
  Dialing.vanished(state, member)
  Dialing.failed(state, member, failure, now, out)
  Pairing.pair(state, now, out)
}

/** An attempt took too long: its dial goes on without it. */
export const late = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  failure: Failure,
  now: number,
  out: Decisions<C, W>
): void => {
  if (member.dial === undefined) return
  Dialing.failed(state, member, failure, now, out)
  out.push({ _tag: "Cancel", member })
  Pairing.pair(state, now, out)
}

/** The end of an attempt hung and is given up. */
export const givenUp = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  now: number,
  out: Decisions<C, W>
): void => {
  Dialing.vanished(state, member)
  Pairing.pair(state, now, out)
}

export const race = Dialing.race

/** A probe has served for as long as its address was avoided: that is a verdict, however long its lease goes on. */
export const trusted = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  now: number,
  out: Decisions<C, W>
): void => {
  if (!member.probe || !state.isOpen(member)) return
  Lending.proven(state, member, out)
  Lending.settle(state, member, now, out)
  Pairing.pair(state, now, out)
}

/** A connection's socket is gone. */
export const gone = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  now: number,
  out: Decisions<C, W>
): void => {
  Ending.gone(state, member)
  Pairing.pair(state, now, out)
}

/** A connection's close hung and is given up. */
export const abandon = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  now: number,
  out: Decisions<C, W>
): boolean => {
  const abandoned = Ending.abandon(state, member)
  Pairing.pair(state, now, out)
  return abandoned
}

/** The lease discards its connection. */
export const discard = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  reason: CloseReason,
  detail: string,
  now: number,
  out: Decisions<C, W>
): void => {
  Ending.close(state, member, reason, out, detail)
  Pairing.pair(state, now, out)
}

/** The lease, or the peer, wants the connection to be lent no more. */
export const retire = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  detail: string,
  now: number,
  out: Decisions<C, W>
): void => {
  Ending.retire(state, member, "retired", out, detail)
  Pairing.pair(state, now, out)
}

/** The lease says that the peer failed. */
export const blame = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  now: number,
  out: Decisions<C, W>
): void => {
  Lending.blame(state, member, now, out)
  Pairing.pair(state, now, out)
}

export { signal } from "./signals.ts"

/** The resolver answered, with at least one address. */
export const resolved = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  addresses: ReadonlyArray<string>,
  now: number,
  out: Decisions<C, W>
): { added: Array<Endpoint>; removed: Array<Endpoint> } => {
  const change = Upkeep.learn(state, addresses, now, out)
  Pairing.pair(state, now, out)
  return change
}

/** The resolver failed, or knows no address (no failure then). */
export const unresolved = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  failure: Failure | undefined,
  now: number,
  out: Decisions<C, W>
): void => {
  Upkeep.unresolved(state, failure, out)
  Pairing.pair(state, now, out)
}

export const evict = Upkeep.evict
export const suspect = Upkeep.suspect
export const reserve = Pairing.reserve
export const shut = Upkeep.shut
export const cut = Upkeep.cut

/** A check is over. */
export const checked = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  alive: boolean,
  detail: string | undefined,
  now: number,
  out: Decisions<C, W>
): void => {
  Upkeep.checked(state, member, alive, out, detail)
  Pairing.pair(state, now, out)
}

/** Idle connections that were asked at that time or before and not proven alive since are not trusted any more. */
export const unproven = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  askedBy: number,
  now: number,
  out: Decisions<C, W>
): void => {
  for (const member of state.idle) {
    if (member.asked !== undefined && member.asked <= askedBy) Ending.close(state, member, "unproven", out)
  }
  Pairing.pair(state, now, out)
}

/** Every connection of the host is retired. */
export const retireAll = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>
): void => {
  Upkeep.retireAll(state, "retired", out)
  Pairing.pair(state, now, out)
}

/** Opens a connection that nobody waits for, if nothing stands in the way. */
export const warm = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  ended: (failure: Failure | undefined) => void,
  now: number,
  out: Decisions<C, W>
): Dialing.Obstacle | undefined => {
  if (!Upkeep.mayBeIdle(state)) return "limit"
  const started = Dialing.dial(state, now, out, ended)
  return typeof started === "string" ? started : undefined
}

/** It is this host's turn, the limits changed, or another host made room. */
export const turn = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>
): void => {
  Pairing.pair(state, now, out)
  Upkeep.trim(state, out)
}

/** The oldest idle connection makes room for another host. */
export const reclaimed = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  _now: number,
  out: Decisions<C, W>
): boolean => {
  const oldest = Pairing.firstUnreserved(state)
  if (oldest === undefined) return false
  Ending.close(state, oldest, "reclaimed", out)
  return true
}
