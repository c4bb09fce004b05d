/** The hosts that a pool knows: found, admitted, forgotten. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as PoolError from "../PoolError.ts"
import { Connection } from "./connection.ts"
import { type Core, type Host, now } from "./core.ts"
import { HostMetrics } from "./metrics.ts"
import { overridden } from "./settings.ts"
import { unknownHost } from "./situation.ts"
import { HostState } from "./state/hostState.ts"
import { List } from "./state/list.ts"

export const find = <K, Conn, E>(core: Core<K, Conn, E>, key: K): Host<K, Conn, E> | undefined =>
  Option.getOrUndefined(MutableHashMap.get(core.hosts, key))

/** The host of a key, admitted if it is new. */
export const admit = <K, Conn, E>(
  core: Core<K, Conn, E>,
  key: K
): Effect.Effect<Host<K, Conn, E>, PoolError.TooManyHosts> =>
  Effect.suspend(() => {
    const known = find(core, key)
    if (known !== undefined) return Effect.succeed(known)
    if (MutableHashMap.size(core.hosts) >= core.settings.maxHosts && !forgetOne(core)) {
      const { maxHosts } = core.settings
      return Effect.fail(new PoolError.TooManyHosts({ ...unknownHost(core, labelOf(core, key)), maxHosts }))
    }
    const settings = hostSettings(core, key)
    // Overrides are code of the application: a wrong one is a defect, of this caller alone.
    return Either.isLeft(settings) ? Effect.die(settings.left) : Effect.succeed(create(core, key, settings.right))
  })

export const hostSettings = <K, Conn, E>(core: Core<K, Conn, E>, key: K) =>
  overridden(core.settings, core.overrides?.(key) ?? {})

const create = <K, Conn, E>(
  core: Core<K, Conn, E>,
  key: K,
  settings: Host<K, Conn, E>["state"]["settings"]
): Host<K, Conn, E> => {
  const label = labelOf(core, key)
  const host: Host<K, Conn, E> = {
    core,
    key,
    label,
    state: new HostState({
      settings,
      multiplexes: multiplexes(core, key),
      total: core.total,
      checks: core.checks,
      now: now(core),
      create: (endpoint, dial, at) => new Connection(host, ++core.connectionIds, endpoint, dial, at)
    }),
    permits: Effect.unsafeMakeSemaphore(settings.maxConnectionsPerHost),
    leases: new List(),
    metrics: new HostMetrics(core.instruments, label),
    watchers: new Set(),
    refreshAt: Infinity,
    lastFailure: undefined
  }
  MutableHashMap.set(core.hosts, key, host)
  core.alarms.evictor.soonest(now(core) + settings.idleTimeout)
  return host
}

/** What a connector throws while it is only being asked must not cost more than the answer. */
const labelOf = <K, Conn, E>(core: Core<K, Conn, E>, key: K): string => {
  try {
    return core.connector.label(key)
  } catch {
    return "(no label)"
  }
}

const multiplexes = <K, Conn, E>(core: Core<K, Conn, E>, key: K): boolean => {
  try {
    return core.connector.multiplexes?.(key) ?? false
  } catch {
    return false
  }
}

/** Forgets a host of which nothing is left but memory. */
export const forget = <K, Conn, E>(host: Host<K, Conn, E>): void => {
  MutableHashMap.remove(host.core.hosts, host.key)
  host.core.total.line.delete(host.state)
  host.metrics.remove()
}

export const forgettable = <K, Conn, E>(host: Host<K, Conn, E>): boolean =>
  host.state.empty && host.watchers.size === 0 && host.leases.size === 0

/** Makes room for a new host: the empty one that was used least recently. */
const forgetOne = <K, Conn, E>(core: Core<K, Conn, E>): boolean => {
  let oldest: Host<K, Conn, E> | undefined
  for (const host of MutableHashMap.values(core.hosts)) {
    if (forgettable(host) && (oldest === undefined || host.state.usedAt < oldest.state.usedAt)) oldest = host
  }
  if (oldest === undefined) return false
  forget(oldest)
  return true
}
