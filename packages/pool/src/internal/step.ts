/**
 * A step: one transition of a host's state, and what it decided, carried out at once. Everything that happens to a host
 * happens in a step, and a step is synchronous, so nothing can come between.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { AcquireError } from "../PoolError.ts"
import { PoolEvent } from "../PoolEvent.ts"
import type { Caller } from "./caller.ts"
import type { Connection } from "./connection.ts"
import { type Host, now, type Out, type State } from "./core.ts"
import { assertInvariants } from "./invariants.ts"
import { refused } from "./situation.ts"
import type { Decision, Refusal } from "./state/decision.ts"

export const step = <K, Conn, E, A>(
  host: Host<K, Conn, E>,
  transition: (state: State<K, Conn, E>, now: number, out: Out<K, Conn, E>) => A
): A => {
  const out: Out<K, Conn, E> = []
  const result = transition(host.state, now(host.core), out)
  finish(host, out)
  return result
}

/** The second half of a step. */
export const finish = <K, Conn, E>(host: Host<K, Conn, E>, out: Out<K, Conn, E>): void => {
  for (const decision of out) carryOut(host, decision)
  const { core } = host
  if (!core.closed && wantsMore(host.state)) core.alarms.replenisher.soonest(Math.max(now(core), host.replenishAt))
  if (core.total.line.size > 0) core.actions.takeTurns(core)
  // A watcher steps as well: told again from inside of that, n of them would be told n! times.
  if (host.watchers !== undefined && !host.telling) {
    host.telling = true
    try {
      for (const watcher of host.watchers) watcher()
    } finally {
      host.telling = false
    }
  }
  // Whatever emptied the host, somebody must come by to forget it.
  if (!core.closed && host.state.idle.size === 0 && host.state.empty) {
    core.alarms.evictor.soonest(host.state.usedAt + host.state.settings.idleTimeout)
  }
  if (core.settings.checkInvariants) assertInvariants(core)
}

/** Whether the floor is broken and nothing is under way that would mend it. */
const wantsMore = <K, Conn, E>({ connecting, idle, settings }: State<K, Conn, E>): boolean =>
  settings.minIdle > 0 && idle.size + connecting.size < settings.minIdle

const carryOut = <K, Conn, E>(
  host: Host<K, Conn, E>,
  decision: Decision<Connection<K, Conn, E>, Caller<K, Conn, E>>
): void => {
  const { actions } = host.core
  switch (decision._tag) {
    case "Serve":
      return actions.serve(host, decision.waiter, decision.member)
    case "Refuse":
      return refuse(host, decision.waiter, decision.refusal)
    case "Open":
      return actions.open(host, decision.member)
    case "Cancel":
      return actions.cancel(host, decision.member)
    case "Race":
      return actions.race(host, decision.dial)
    case "Close":
      return actions.close(host, decision.member)
    case "Check":
      return actions.check(host, decision.member)
    case "Resolve":
      return actions.resolve(host)
    case "BreakerChanged": {
      const { endpoint, from, to } = decision
      const { core } = host
      return core.events.emit(
        PoolEvent.BreakerChanged({ at: now(core), host: host.label, address: endpoint.address, from, to })
      )
    }
  }
}

const refuse = <K, Conn, E>(host: Host<K, Conn, E>, caller: Caller<K, Conn, E>, refusal: Refusal): void => {
  if (refusal._tag === "Failed") {
    // The failure of a dial is opaque to the state; `dial.ts` and `resolve.ts` are the only ones to make it, as this.
    const cause = refusal.failure.error as Cause.Cause<E | AcquireError>
    noteRefusal(host, cause._tag === "Fail" ? tagOf(cause.error) : cause._tag, caller.since)
    caller.settle(Effect.failCause(cause))
    return
  }
  const error = refused(host, refusal, caller.since)
  noteRefusal(host, error._tag, caller.since)
  caller.settle(Effect.fail(error))
}

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Fail"

export const noteRefusal = <K, Conn, E>(host: Host<K, Conn, E>, error: string, since: number): void => {
  host.metrics.refused(error)
  if (!host.core.events.active) return
  const at = now(host.core)
  host.core.events.emit(PoolEvent.Refused({ at, host: host.label, error, waited: at - since }))
}

/** Has something told after every step of a host, until it is unwatched. */
export const watch = <K, Conn, E>(host: Host<K, Conn, E>, watcher: () => void): void => {
  host.watchers ??= new Set()
  host.watchers.add(watcher)
}

export const unwatch = <K, Conn, E>(host: Host<K, Conn, E>, watcher: () => void): void => {
  host.watchers?.delete(watcher)
  if (host.watchers?.size === 0) host.watchers = undefined
}
