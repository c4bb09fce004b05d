/**
 * The invariants of a pool, I1 to I9 of the design (I8 is about what is left after the end, and I10 holds
 * because metrics are read off the state), as a function of its state at rest between two steps. Simulations and tests
 * call it after every step; an application may, by `checkInvariants`.
 */
import * as MutableHashMap from "effect/MutableHashMap"
import { type Core, type Host, now } from "./core.ts"
import * as Permits from "./permits.ts"
import { reasonToEnd } from "./state/ending.ts"
import type { List } from "./state/list.ts"
import type { Member } from "./state/member.ts"

/** What is broken, in words; empty when all is well. */
export const broken = <K, Conn, E>(core: Core<K, Conn, E>): ReadonlyArray<string> => {
  const faults: Array<string> = []
  let used = 0
  let idle = 0
  let closing = 0
  for (const host of MutableHashMap.values(core.hosts)) {
    brokenHost(host, faults)
    used += host.state.used
    idle += host.state.idle.size
    closing += host.state.closing.size
  }
  const { total } = core
  if (total.used !== used) faults.push(`I1 total: ${total.used} permits taken for ${used} sockets`)
  if (total.idle !== idle) faults.push(`I3 total: ${total.idle} counted as idle, ${idle} are`)
  if (total.closing !== closing) faults.push(`I3 total: ${total.closing} counted as closing, ${closing} are`)
  return faults
}

const brokenHost = <K, Conn, E>(host: Host<K, Conn, E>, faults: Array<string>): void => {
  const { label, permits, state } = host
  const fault = (text: string): void => {
    faults.push(`${label}: ${text}`)
  }
  const limit = state.settings.maxConnectionsPerHost
  const taken = limit - Permits.free(permits)
  if (limit !== Infinity && taken !== state.used) fault(`I1: ${taken} permits taken for ${state.used} sockets`)

  // Called after every step of a simulation, so it walks the links instead of making iterators.
  let leases = 0
  let living = 0
  const walk = (name: string, list: List<Member>, look: (member: Member) => void): void => {
    let size = 0
    for (let member = list.first; member !== undefined; member = member.next) {
      size++
      if (member.list !== list) fault(`I3: connection ${member.id} is not only ${name}`)
      look(member)
    }
    if (size !== list.size) fault(`I3: ${list.size} counted as ${name}, ${size} are`)
    if (list !== state.closing) living += size
  }
  const active = (member: Member): void => {
    leases += member.leases
    if (member.leases < 1) fault(`I2: active connection ${member.id} has ${member.leases} leases`)
  }
  walk("connecting", state.connecting, () => undefined)
  walk("closing", state.closing, () => undefined)
  walk("busy", state.busy, active)
  walk("spare", state.spare, (member) => {
    active(member)
    if (member.leases >= member.capacity) fault(`I3: connection ${member.id} has no room, but is lent again`)
    if (member.retiring !== undefined) fault(`I6: connection ${member.id} is retiring, but is lent again`)
  })
  walk("idle", state.idle, (member) => {
    if (member.leases !== 0) fault(`I2: idle connection ${member.id} has ${member.leases} leases`)
    if (member.retiring !== undefined) fault(`I6: connection ${member.id} is retiring, but idle`)
  })

  let held = 0
  for (let lease = host.leases.first; lease !== undefined; lease = lease.next) if (state.isOpen(lease.source)) held++
  const sockets = living + state.closing.size
  if (state.used !== sockets) fault(`I3: ${state.used} sockets counted, ${sockets} are`)
  if (leases !== held) fault(`I7: ${leases} leases counted, ${held} held`)

  waiting(host, fault)

  const { closed, opened } = state.counters
  const accounted = state.active + state.idle.size + state.closing.size + closed + state.abandoned.size
  if (opened !== accounted) fault(`I9: ${opened} opened, ${accounted} accounted for`)

  let connections = 0
  for (const endpoint of state.addresses.endpoints.values()) {
    connections += endpoint.connections
    if (endpoint.leases < 0 || endpoint.connections < 0) fault(`I2: address ${endpoint.address} counts below zero`)
  }
  if (connections !== living) fault(`I3: addresses count ${connections} connections of ${living}`)
}

/** I4: nobody waits for what is there. I5: the queue is in order. */
const waiting = <K, Conn, E>(host: Host<K, Conn, E>, fault: (text: string) => void): void => {
  const { core, state } = host
  const at = now(core)
  let order = -1
  let everyoneFresh = true
  for (const waiter of state.waiters) {
    if (waiter.order <= order) fault("I5: the queue is out of order")
    order = waiter.order
    everyoneFresh &&= waiter.fresh
    if (waiter.dial !== undefined && waiter.dial.owner !== waiter) fault("I4: a waiter's dial is somebody else's")
    if (waiter.dial !== undefined && !state.dials.has(waiter.dial)) fault("I4: a waiter's dial is over")
  }
  if (state.waiters.size === 0) return
  if (state.shut) fault("I8: somebody waits for a closed pool")
  for (const member of state.idle) {
    if (everyoneFresh || member.reserved || member.suspect || reasonToEnd(state, member, at) !== undefined) continue
    fault(`I4: somebody waits beside idle connection ${member.id}`)
  }
  if (state.spare.size > 0 && !everyoneFresh) fault("I4: somebody waits beside a connection with room")
  const coming = state.dials.size * (state.reach ?? 1) + state.proving
  const permit = state.used < state.settings.maxConnectionsPerHost && core.total.used < core.total.limit &&
    core.total.line.size === 0
  const mayDial = state.connecting.size < (state.reach === undefined ? 1 : state.settings.maxConnectingPerHost)
  if (permit && mayDial && !state.resolving && state.waiters.size > coming) {
    fault("I4: somebody waits beside a free permit")
  }
}

export const assertInvariants = <K, Conn, E>(core: Core<K, Conn, E>): void => {
  // Between the steps of a turn over several hosts the pool is not at rest.
  if (core.turning) return
  const faults = broken(core)
  if (faults.length > 0) throw new Error(`invariant broken: ${faults.join("; ")}`)
}
