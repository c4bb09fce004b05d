/** The hosts that a pool knows: found, admitted, forgotten. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import type { HostOptions } from "../PoolConfig.ts"
import * as PoolError from "../PoolError.ts"
import { Connection } from "./connection.ts"
import { type Core, type Host, now } from "./core.ts"
import { HostMetrics } from "./metrics.ts"
import { type HostSettings, overridden, type Settings } from "./settings.ts"
import { situation, unknownHost } from "./situation.ts"
import { HostState } from "./state/hostState.ts"
import { List } from "./state/list.ts"

export const find = <K, Conn, E>(core: Core<K, Conn, E>, key: K): Host<K, Conn, E> | undefined =>
  Option.getOrUndefined(MutableHashMap.get(core.hosts, key))

/**
 * The host of a key, admitted if it is new. Synchronous: between this and what is done with the host, the pool must not close
 * and the host not be forgotten.
 */
export const admit = <K, Conn, E>(
  core: Core<K, Conn, E>,
  key: K
): Either.Either<Host<K, Conn, E>, PoolError.TooManyHosts | PoolError.PoolClosed> => {
  const known = find(core, key)
  if (core.closed) {
    const at = known === undefined ? unknownHost(core, labelOf(core, key)) : situation(known, now(core))
    return Either.left(new PoolError.PoolClosed(at))
  }
  if (known !== undefined) return Either.right(known)
  if (MutableHashMap.size(core.hosts) >= core.settings.maxHosts && !forgetOne(core)) {
    const { maxHosts } = core.settings
    return Either.left(new PoolError.TooManyHosts({ ...unknownHost(core, labelOf(core, key)), maxHosts }))
  }
  // Overrides are code of the application: a wrong one is a defect, of this caller alone.
  const settings = Either.getOrThrowWith(hostSettings(key, core.settings, core.overrides), (invalid) => invalid)
  return Either.right(create(core, key, settings))
}

export const hostSettings = <K>(
  key: K,
  settings: Settings,
  overrides: ((key: K) => Partial<HostOptions>) | undefined
): Either.Either<HostSettings, PoolError.ConfigInvalid> => {
  try {
    return overridden(settings, overrides?.(key) ?? {})
  } catch (error) {
    // an adapter checks its own share of the overrides, and can only throw what is wrong with it
    if (error instanceof PoolError.ConfigInvalid) return Either.left(error)
    throw error
  }
}

const create = <K, Conn, E>(
  core: Core<K, Conn, E>,
  key: K,
  settings: HostSettings
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
    metrics: HostMetrics.of(core.instruments, label),
    watchers: undefined,
    telling: false,
    patience: Infinity,
    patienceTimer: undefined,
    refreshAt: Infinity,
    timeToLive: Infinity,
    replenishAt: 0,
    lastFailure: undefined
  }
  host.metrics.join(host.state)
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
  host.core.timekeeper.cancel(host.patienceTimer)
  host.metrics.leave(host.state)
}

export const forgettable = <K, Conn, E>(host: Host<K, Conn, E>): boolean =>
  host.state.empty && host.watchers === undefined && host.leases.size === 0

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
