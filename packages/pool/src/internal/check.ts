/** One health check: the connector's probe on that very connection, in a fiber of the pool's own, with a time limit. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Connection } from "./connection.ts"
import { type Host, now } from "./core.ts"
import { interrupt } from "./fibers.ts"
import * as Transitions from "./state/transitions.ts"
import { expiry } from "./state/upkeep.ts"
import { step } from "./step.ts"

/** The state has reserved the connection, and one of the slots for checks, before. */
export const check = <K, Conn, E>(host: Host<K, Conn, E>, connection: Connection<K, Conn, E>): void => {
  const { core, state } = host
  const { healthCheckTimeout } = state.settings
  const finish = (alive: boolean, detail: string | undefined): void => {
    if (connection.fiber !== fiber) return
    core.timekeeper.cancel(connection.deadline)
    connection.deadline = undefined
    connection.fiber = undefined
    step(host, (_, at, out) => Transitions.checked(state, connection, alive, detail, at, out))
    // The evictor passed it by while it was being checked.
    if (connection.list === state.idle) core.alarms.evictor.soonest(expiry(state, connection))
  }
  // `value` is set before the state learns that the connection is open
  const probe = Effect.exit(Effect.interruptible(Effect.suspend(() => core.connector.check(connection.value as Conn))))
  const fiber = core.fibers.run(
    Effect.map(probe, (exit) => {
      // The slot is free when the check has really ended, not when it was given up: never more run at once than may.
      core.checks.used--
      finish(Exit.isSuccess(exit), Exit.isSuccess(exit) ? undefined : Cause.pretty(exit.cause).split("\n", 1)[0])
      core.onCheckSlot?.()
    })
  )
  connection.fiber = fiber
  connection.deadline = core.timekeeper.at(now(core) + healthCheckTimeout, () => {
    finish(false, `no answer to a check within ${healthCheckTimeout} ms`)
    interrupt(fiber)
  })
}
