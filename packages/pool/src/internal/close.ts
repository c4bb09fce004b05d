/** The end of a connection's scope, with a limit: a close that hangs costs neither its permit nor the pool's own end. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { PoolEvent } from "../PoolEvent.ts"
import type { Connection } from "./connection.ts"
import { type Host, now } from "./core.ts"
import { about } from "./dial.ts"
import { interrupt } from "./fibers.ts"
import * as Permits from "./permits.ts"
import * as Transitions from "./state/transitions.ts"
import { step } from "./step.ts"

export const closeConnection = <K, Conn, E>(host: Host<K, Conn, E>, connection: Connection<K, Conn, E>): void => {
  const { core, state } = host
  const { scope } = connection
  // a check may be under way
  core.timekeeper.cancel(connection.deadline)
  interrupt(connection.fiber)
  connection.fiber = undefined
  connection.deadline = core.timekeeper.at(now(core) + state.settings.closeTimeout, () => giveUp(connection))
  const close = scope === undefined ? Effect.void : Effect.exit(Scope.close(scope, Exit.void))
  // Apart: a close is waited for and given up, but never interrupted.
  core.fibers.apart(Effect.map(close, () => closed(connection)))
}

const closed = <K, Conn, E>(connection: Connection<K, Conn, E>): void => {
  const { host } = connection
  const { core, state } = host
  const at = now(core)
  core.timekeeper.cancel(connection.deadline)
  if (connection.list === state.closing) Permits.release(host.permits)
  const reason = connection.closeReason ?? "discarded"
  const age = at - connection.openedAt
  host.metrics.closed(reason, age)
  if (core.events.active) {
    core.events.emit(PoolEvent.Closed({ ...about(connection), at, reason, detail: connection.detail, age }))
  }
  step(host, (_, time, out) => Transitions.gone(state, connection, time, out))
}

const giveUp = <K, Conn, E>(connection: Connection<K, Conn, E>): void => {
  const { host } = connection
  const { core, state } = host
  if (connection.list !== state.closing) return
  Permits.release(host.permits)
  host.metrics.abandoned()
  core.events.emit(
    PoolEvent.Abandoned({ ...about(connection), at: now(core), reason: connection.closeReason ?? "discarded" })
  )
  step(host, (_, at, out) => Transitions.abandon(state, connection, at, out))
}
