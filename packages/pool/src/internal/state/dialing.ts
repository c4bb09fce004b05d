/** How a dial goes: an attempt, others that race or follow it, and its end. PURE. */
import * as Addresses from "./addresses.ts"
import * as Breaker from "./breaker.ts"
import type { Decisions } from "./decision.ts"
import { Dial, type Failure } from "./dial.ts"
import { forgoProbe, setBreaker } from "./ending.ts"
import type { HostState } from "./hostState.ts"
import { settle } from "./lending.ts"
import type { Member } from "./member.ts"
import type { Waiter } from "./waiters.ts"

/** Why no dial could start. */
export type Obstacle =
  /** the addresses are not known yet */
  | "unresolved"
  /** every address's breaker is open */
  | "unavailable"
  /** enough dials are in flight */
  | "connecting"
  /** the host has all the connections that it may have */
  | "limit"
  /** all hosts together have; the host is in line, if it asked for its waiters */
  | "total"

/** Starts a dial, if nothing stands in its way. */
export const dial = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  now: number,
  out: Decisions<C, W>,
  ended?: (failure: Failure | undefined) => void
): Dial | Obstacle => {
  const effort = new Dial(ended)
  const obstacle = attempt(state, effort, now, out, ended === undefined ? "inLine" : "spare")
  return obstacle ?? effort
}

/** How an attempt comes by its permit of the total limit. */
type Claim =
  /** waits in line for it */
  | "inLine"
  /** only if nobody waits for one */
  | "spare"
  /** has it from the attempt before */
  | "kept"

/** Starts one more attempt of a dial. */
const attempt = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  effort: Dial,
  now: number,
  out: Decisions<C, W>,
  claim: Claim
): Obstacle | undefined => {
  const { addresses, settings, total } = state
  if (!addresses.known) return "unresolved"
  const endpoint = addresses.choose(effort.tried, settings.breaker, now)
  if (endpoint === undefined) return "unavailable"
  if (state.used >= settings.maxConnectionsPerHost) return "limit"
  // While nobody knows what one connection can carry, a second one may be one too many. (Further attempts of one dial are no
  // further connections: the first that succeeds ends the others.)
  const alone = state.reach === undefined && effort.tried.size === 0
  if (state.connecting.size >= (alone ? 1 : settings.maxConnectingPerHost)) return "connecting"
  const claimed = claim === "inLine" ? total.take(state) : claim === "spare" ? total.takeSpare() : total.takeAgain()
  if (!claimed) return "total"
  const before = endpoint.breaker
  const member = state.create(endpoint, effort, now)
  setBreaker(state, endpoint, Breaker.begin(before), out)
  member.probe = endpoint.breaker.state === "halfOpen"
  endpoint.connections++
  effort.tried.add(endpoint)
  effort.attempts.add(member)
  state.dials.add(effort)
  state.move(member, state.connecting)
  out.push({ _tag: "Open", member })
  if (addresses.choose(effort.tried, settings.breaker, now) !== undefined) out.push({ _tag: "Race", dial: effort })
  return undefined
}

/** The dial has had no answer for a while: another address joins the race, if a permit is to spare. */
export const race = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  effort: Dial,
  now: number,
  out: Decisions<C, W>
): void => {
  if (state.dials.has(effort)) attempt(state, effort, now, out, "spare")
}

/** The attempt has a connection. It wins its dial; the other attempts are ended. */
export const opened = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  lifetimeEndsAt: number,
  now: number,
  out: Decisions<C, W>
): void => {
  if (member.list !== state.connecting) return
  const effort = member.dial
  state.counters.opened++
  state.expect(member.capacity)
  member.openedAt = now
  member.idleSince = now
  member.lifetimeEndsAt = lifetimeEndsAt
  if (member.capacity === 0) member.retiring ??= "retired"
  const useless = member.capacity === 0 || member.retiring === "peer" || now >= member.expiresAt
  if (effort !== undefined && useless) stillborn(state, member, now, out)
  else Addresses.noteSuccess(member.endpoint)
  if (effort === undefined) member.retiring ??= "lost"
  else conclude(state, effort, member, out)
  if (!member.endpoint.current) member.retiring ??= "addressGone"
  if (state.shut) member.retiring = "shutdown"
  state.move(member, state.idle)
  settle(state, member, now, out)
  effort?.ended?.(undefined)
}

/**
 * A connection that ended in its handshake, or carries no lease at all, is no success of its peer's: counted as a failure, it
 * cannot keep a waiter dialing for ever.
 */
const stillborn = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  now: number,
  out: Decisions<C, W>
): void => {
  const { endpoint } = member
  Addresses.noteFailure(endpoint, now)
  const next = Breaker.fail(endpoint.breaker, state.settings.breaker, member.probe, now)
  member.probe = false
  setBreaker(state, endpoint, next, out)
}

/**
 * An attempt leads to no connection. Its dial goes on at another address, or ends with the caller's error. The socket may
 * still be there: `vanished` says when it is not.
 */
export const failed = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  failure: Failure,
  now: number,
  out: Decisions<C, W>
): void => {
  const effort = member.dial
  if (effort === undefined) return
  const endpoint = member.endpoint
  member.dial = undefined
  effort.attempts.delete(member)
  state.counters.failed++
  Addresses.noteFailure(endpoint, now)
  if (failure.fault === "peer") {
    const next = Breaker.fail(endpoint.breaker, state.settings.breaker, member.probe, now)
    member.probe = false
    setBreaker(state, endpoint, next, out)
  }
  forgoProbe(state, member, out)
  // Nobody needs it any more: no second address.
  const wanted = effort.owner !== undefined || effort.ended !== undefined
  // With its socket gone, its permit is free for the next address. Were it for the line instead, the caller would start all
  // over in its turn, and an address that fails at once would be dialed for ever.
  const claim = member.list === undefined ? "kept" : "spare"
  const obstacle = wanted ? attempt(state, effort, now, out, claim) : "unavailable"
  if (obstacle === undefined || effort.attempts.size > 0) return
  state.dials.delete(effort)
  const owner = state.waiters.disown(effort)
  // With an address left to try, the caller waits for the permit that it takes.
  if (owner !== undefined && obstacle === "unavailable") {
    state.waiters.leave(owner)
    out.push({ _tag: "Refuse", waiter: owner, refusal: { _tag: "Failed", failure } })
  }
  effort.ended?.(failure)
}

/** The socket of an attempt is gone, or was given up: its permit is free. The verdict of a probe is left to `failed`. */
export const vanished = <C extends Member, W extends Waiter>(state: HostState<C, W>, member: Member): void => {
  if (member.list !== state.connecting) return
  state.drop(member)
  state.total.give()
  member.endpoint.connections--
  state.addresses.forgetIfUnused(member.endpoint)
}

/** Ends an attempt before it has led to anything. Its permit stays taken until it is gone. */
export const cancel = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: Member,
  out: Decisions<C, W>
): void => {
  member.dial?.attempts.delete(member)
  member.dial = undefined
  forgoProbe(state, member, out)
  out.push({ _tag: "Cancel", member: member as C }) // only C enters a HostState<C, W>
}

/** Ends a dial whose caller has left, unless it is somebody else's by now. */
export const forsake = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  effort: Dial,
  out: Decisions<C, W>
): void => {
  if (effort.owner !== undefined || effort.ended !== undefined || !state.dials.delete(effort)) return
  for (const loser of effort.attempts) cancel(state, loser, out)
}

const conclude = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  effort: Dial,
  winner: Member,
  out: Decisions<C, W>
): void => {
  winner.dial = undefined
  effort.attempts.delete(winner)
  for (const loser of effort.attempts) cancel(state, loser, out)
  state.dials.delete(effort)
  state.waiters.disown(effort)
}
