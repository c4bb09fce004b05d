/** Opening ahead: until a host has so many connections, or as many as it may. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as PoolError from "../PoolError.ts"
import { type Core, type Host, now } from "./core.ts"
import { admit } from "./hosts.ts"
import { refresh } from "./resolve.ts"
import { argument, count } from "./rules.ts"
import { refused, situation } from "./situation.ts"
import type { Failure } from "./state/dial.ts"
import * as Transitions from "./state/transitions.ts"
import { step, unwatch, watch } from "./step.ts"

export const warm = <K, Conn, E>(
  core: Core<K, Conn, E>,
  key: K,
  connections: number
): Effect.Effect<void, PoolError.AcquireError | E> =>
  // In one step with the first look: the host must not be forgotten, nor the pool close, in between.
  Effect.async((resume) => {
    const target = argument("connections", count(0), connections)
    const host = admit(core, key)
    if (Either.isLeft(host)) return resume(Effect.fail(host.left))
    return fill(host.right, target, resume)
  })

/** Looks after every step of the host, and starts what is missing. Returns how to stop looking. */
const fill = <K, Conn, E>(
  host: Host<K, Conn, E>,
  connections: number,
  resume: (result: Effect.Effect<void, PoolError.AcquireError | E>) => void
): Effect.Effect<void> => {
  const { core, state } = host
  const since = now(core)
  let failure: Failure | undefined
  let working = false
  const finish = (result: Effect.Effect<void, PoolError.AcquireError | E>): void => {
    unwatch(host, look)
    core.timekeeper.cancel(deadline)
    resume(result)
  }
  const look = (): void => {
    if (working) return
    working = true
    const result = advance()
    working = false
    if (result !== undefined) finish(result)
  }
  const advance = (): Effect.Effect<void, PoolError.AcquireError | E> | undefined => {
    if (state.shut) return Effect.fail(refused(host, { _tag: "Closed" }, since))
    // Only dials and resolutions make failures, and they make them as causes.
    if (failure !== undefined) return Effect.failCause(failure.error as Cause.Cause<PoolError.AcquireError | E>)
    const target = Math.min(connections, state.settings.maxConnectionsPerHost)
    while (state.active + state.idle.size + state.connecting.size < target) {
      const obstacle = step(host, (_, at, out) =>
        Transitions.warm(
          state,
          (ended) => {
            failure ??= ended
          },
          at,
          out
        ))
      if (obstacle === undefined) continue
      if (obstacle === "unavailable") {
        const retryAfter = state.addresses.retryAfter(now(core))
        return Effect.fail(refused(host, { _tag: "Unavailable", reason: "breakerOpen", retryAfter }, since))
      }
      if (obstacle === "unresolved") {
        if (!state.resolving && host.lastFailure !== undefined && host.lastFailure.at >= since) {
          return Effect.fail(refused(host, { _tag: "Unavailable", reason: "noAddress", retryAfter: 0 }, since))
        }
        refresh(host)
        return undefined
      }
      // What is missing is a permit: as much as can be had is there, once it is open.
      if (state.connecting.size === 0) return Effect.void
      return undefined
    }
    return state.active + state.idle.size >= target ? Effect.void : undefined
  }
  const { acquireTimeout } = state.settings
  const deadline = core.timekeeper.at(since + acquireTimeout, () =>
    finish(
      Effect.fail(
        new PoolError.AcquireTimeout({
          ...situation(host, since),
          timeout: acquireTimeout,
          heldByCaller: 0,
          lastFailure: host.lastFailure?.text
        })
      )
    ))
  watch(host, look)
  look()
  return Effect.sync(() => {
    unwatch(host, look)
    core.timekeeper.cancel(deadline)
  })
}
