/** Other settings at run time. What is open stays open, unless a lowered limit has no room for it. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableHashMap from "effect/MutableHashMap"
import { isRecord } from "effect/Predicate"
import type { Options } from "../PoolConfig.ts"
import { ConfigInvalid } from "../PoolError.ts"
import { PoolEvent } from "../PoolEvent.ts"
import { type Core, type Host, now } from "./core.ts"
import { hostSettings } from "./hosts.ts"
import * as Permits from "./permits.ts"
import { rearrange } from "./resolve.ts"
import { type HostSettings, resolve } from "./settings.ts"
import * as Transitions from "./state/transitions.ts"
import { step } from "./step.ts"

export const reconfigure = <K, Conn, E>(
  core: Core<K, Conn, E>,
  change: Partial<Options<K>>
): Effect.Effect<void, ConfigInvalid> =>
  Effect.suspend(() => {
    const given = {
      ...core.given,
      ...change,
      // a part of the breaker's settings changes that part
      ...(isRecord(change.breaker) ? { breaker: { ...core.given.breaker, ...change.breaker } } : {})
    }
    const settings = resolve(given)
    if (Either.isLeft(settings)) return Effect.fail(settings.left)
    for (const field of ["name", "metricsPrefix"] as const) {
      // the metrics carry them already
      if (settings.right[field] === core.settings[field]) continue
      const allowed = `${JSON.stringify(core.settings[field])}, which the pool was made with`
      return Effect.fail(new ConfigInvalid({ field, value: settings.right[field], allowed }))
    }
    // All hosts' settings are known to be good before anything changes.
    const changes: Array<readonly [Host<K, Conn, E>, HostSettings]> = []
    for (const host of MutableHashMap.values(core.hosts)) {
      const own = hostSettings(host.key, settings.right, given.overrides)
      if (Either.isLeft(own)) return Effect.fail(own.left)
      changes.push([host, own.right])
    }
    core.settings = settings.right
    core.overrides = given.overrides
    core.given = given
    core.total.limit = settings.right.maxConnections
    core.total.idleLimit = settings.right.maxIdle
    core.checks.limit = settings.right.healthCheckConcurrency
    core.resolves.limit = settings.right.maxResolving
    core.events.buffer = settings.right.eventBuffer
    for (const [host, own] of changes) {
      host.state.settings = own
      Permits.resize(host.permits, own.maxConnectionsPerHost)
      step(host, Transitions.turn)
    }
    const at = now(core)
    rearrange(core)
    // Every loop looks at its period again.
    for (const alarm of Object.values(core.alarms)) alarm.soonest(at)
    core.heartbeat = at
    core.events.emit(PoolEvent.Reconfigured({ at, fields: Object.keys(change) }))
    return Effect.void
  })
