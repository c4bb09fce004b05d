/** The way back: a lease ends, and its connection goes to idle, to the next waiter, or is closed. */
import { PoolEvent } from "../PoolEvent.ts"
import { now, type Out } from "./core.ts"
import type { Borrow } from "./lease.ts"
import type { Outcome } from "./state/lending.ts"
import * as Transitions from "./state/transitions.ts"
import { nextExpiry } from "./state/upkeep.ts"
import { finish, step } from "./step.ts"

/** The end of a lease; once per lease, since a lease leaves the list of leases with it. */
export const giveBack = <K, Conn, E>(lease: Borrow<K, Conn, E>, outcome: Outcome): void => {
  const { host, source } = lease
  const { core, state } = host
  const at = now(core)
  const out: Out<K, Conn, E> = []
  host.leases.remove(lease)
  Transitions.release(state, source, outcome, at, out)
  if (source.list === state.idle) core.alarms.evictor.soonest(nextExpiry(state, source))
  if (core.events.active && outcome._tag !== "Unused") {
    const { address } = lease
    core.events.emit(
      PoolEvent.Released({ at, host: host.label, connection: source.id, address, held: at - lease.since })
    )
  }
  finish(host, out)
}

export const discard = <K, Conn, E>(lease: Borrow<K, Conn, E>, detail: string): void =>
  step(lease.host, (state, at, out) => Transitions.discard(state, lease.source, "discarded", detail, at, out))

export const retire = <K, Conn, E>(lease: Borrow<K, Conn, E>, detail: string): void =>
  step(lease.host, (state, at, out) => Transitions.retire(state, lease.source, detail, at, out))

export const blame = <K, Conn, E>(lease: Borrow<K, Conn, E>): void =>
  step(lease.host, (state, at, out) => Transitions.blame(state, lease.source, at, out))
