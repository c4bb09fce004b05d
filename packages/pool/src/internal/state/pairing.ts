/**
 * Where waiters meet connections. After every transition `pair` lends what is there to the head of the queue and starts what
 * is missing for the rest, in the same synchronous step, so a wake-up cannot be lost between a look and a wait. PURE.
 */
import type { Decisions, Refusal } from "./decision.ts"
import { dial, type Obstacle } from "./dialing.ts"
import { close } from "./ending.ts"
import type { HostState } from "./hostState.ts"
import { lend, lendable } from "./lending.ts"
import type { Member } from "./member.ts"
import type { Waiter } from "./waiters.ts"

/** A caller joins the queue; it may be served or refused in the same step. */
export const join = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  waiter: W,
  now: number,
  out: Decisions<C, W>
): void => {
  state.usedAt = now
  state.waiters.join(waiter)
  pair(state, now, out)
  if (waiter.queued && waiter.dial === undefined && excess(state) > state.settings.maxWaitersPerHost) {
    refuse(state, waiter, { _tag: "QueueFull" }, out)
  }
}

/**
 * Waiters beyond those for whom a permit is free or about to be: their dial may have to wait a moment, for the addresses, for
 * other dials, for a close or a check to end, but they are not what the queue is bounded for.
 */
const excess = <C extends Member, W extends Waiter>(state: HostState<C, W>): number => {
  const { connecting, idle, busy, spare, settings, total, waiters } = state
  let reserved = 0
  for (const member of idle) if (member.reserved) reserved++
  const permits = Math.max(0, settings.maxConnectionsPerHost - connecting.size - idle.size - busy.size - spare.size)
  // Of the total limit, what is idle anywhere makes room, and what is being closed has done so.
  const room = Math.max(0, total.limit - total.used + total.idle + total.closing)
  return waiters.undialedSize - (Math.min(permits, room) + reserved) * (state.reach ?? 1)
}

export const refuse = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  waiter: W,
  refusal: Refusal,
  out: Decisions<C, W>
): void => {
  state.waiters.leave(waiter)
  out.push({ _tag: "Refuse", waiter, refusal })
}

export const pair = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>
): void => {
  while (state.waiters.size > 0) {
    let member = lendable(state, now, out)
    if (member === undefined) break
    let waiter = state.waiters.firstFor(member.openedAt, member.uses > 0)
    if (waiter === undefined) {
      // Only fresh ones are wanted, and this is none: perhaps another one is, for whoever has waited longest if for anybody.
      member = lendable(state, now, out, state.waiters.first?.since)
      if (member === undefined) break
      waiter = state.waiters.firstFor(member.openedAt, false)
      if (waiter === undefined) break
    }
    state.waiters.leave(waiter)
    lend(state, member, now)
    out.push({ _tag: "Serve", waiter, member })
  }
  if (state.waiters.size > 0) supply(state, now, out)
}

/** Starts a dial or a check for each waiter that has nothing coming. */
const supply = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>
): void => {
  adopt(state)
  const reach = state.reach ?? 1
  let lacking = state.waiters.undialedSize - state.dials.size * (reach - 1) - state.proving
  while (lacking > 0) {
    const waiter = state.waiters.firstUndialed
    if (waiter === undefined) return
    // a fresh one takes no connection that has been there, proven or not
    const proving = waiter.fresh ? 0 : prove(state, out)
    if (proving > 0) {
      lacking -= proving
      continue
    }
    const started = dial(state, now, out)
    if (typeof started === "string") return hindered(state, started, lacking, now, out)
    state.waiters.own(waiter, started)
    lacking -= reach
  }
}

/** Dials that nobody owns any more belong to the first waiters without one. */
const adopt = <C extends Member, W extends Waiter>(state: HostState<C, W>): void => {
  for (const orphan of state.dials) {
    if (orphan.owner !== undefined) continue
    const waiter = state.waiters.firstUndialed
    if (waiter === undefined) return
    state.waiters.own(waiter, orphan)
  }
}

/**
 * Suspect connections are checked for a waiter before one is lent: as many at once as may be, so that of many that are dead the
 * waiter waits for one check, not for one after the other. Returns how many.
 */
const prove = <C extends Member, W extends Waiter>(state: HostState<C, W>, out: Decisions<C, W>): number => {
  let proving = 0
  for (let member = state.idle.last; member !== undefined;) {
    const next = member.previous
    if (member.suspect && !member.reserved) {
      if (state.checks.free) {
        reserve(state, member)
        member.awaited = true
        state.proving++
        proving++
        out.push({ _tag: "Check", member: member as C }) // only C enters a HostState<C, W>
      } else {
        // No check is to be had now, and a connection that cannot be proven is worth less than its permit.
        if (proving === 0) close(state, member, "unproven", out)
        return proving
      }
    }
    member = next
  }
  return proving
}

/** A check has the connection from now on: it is not lent before `unreserve`. */
export const reserve = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: Member): void => {
  member.reserved = true
  state.checks.used++
}

const hindered = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  obstacle: Obstacle,
  lacking: number,
  now: number,
  out: Decisions<C, W>
): void => {
  switch (obstacle) {
    case "unresolved": {
      if (!state.resolving) {
        state.resolving = true
        out.push({ _tag: "Resolve" })
      }
      return
    }
    case "unavailable": {
      const retryAfter = state.addresses.retryAfter(now)
      for (let n = lacking; n > 0; n--) {
        const waiter = state.waiters.firstUndialed
        if (waiter === undefined) return
        refuse(state, waiter, { _tag: "Unavailable", reason: "breakerOpen", retryAfter }, out)
      }
      return
    }
    case "limit": {
      // Whoever still waits beside an idle connection wants a fresh one: the oldest idle ones make room.
      for (let n = lacking - state.closing.size; n > 0; n--) {
        const oldest = firstUnreserved(state)
        if (oldest === undefined) return
        close(state, oldest, "reclaimed", out)
      }
      return
    }
    case "connecting":
    case "total":
      return
  }
}

export const firstUnreserved = <C extends Member, W extends Waiter>(state: HostState<C, W>): Member | undefined => {
  for (let member = state.idle.first; member !== undefined; member = member.next) if (!member.reserved) return member
  return undefined
}
