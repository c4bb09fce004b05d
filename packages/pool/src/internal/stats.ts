/** Snapshots, derived from the state of the hosts in one synchronous step. */
import * as MutableHashMap from "effect/MutableHashMap"
import type { MetricJson } from "../PoolMetrics.ts"
import type { AddressStats, HostStats, PoolStats } from "../PoolStats.ts"
import type { Core, Host } from "./core.ts"

export const hostStats = <K, Conn, E>(host: Host<K, Conn, E>): HostStats => {
  const { state } = host
  const active = state.active
  const idle = state.idle.size
  const { acquired, closed, closedBy, failed, opened, reused } = state.counters
  return {
    host: host.label,
    limit: state.settings.maxConnectionsPerHost,
    total: active + idle,
    active,
    idle,
    connecting: state.connecting.size,
    closing: state.closing.size,
    abandoned: state.abandoned.size,
    waiting: state.waiters.undialedSize,
    addresses: Array.from(state.addresses.endpoints.values(), (endpoint): AddressStats => ({
      address: endpoint.address,
      breaker: endpoint.breaker.state,
      current: endpoint.current,
      connections: endpoint.connections,
      leases: endpoint.leases
    })),
    opened,
    closed,
    closedBy: { ...closedBy },
    failed,
    acquired,
    reused
  }
}

export const poolStats = <K, Conn, E>(core: Core<K, Conn, E>): PoolStats => {
  const hosts = Array.from(MutableHashMap.values(core.hosts), hostStats)
  const sum = (count: (host: HostStats) => number): number => hosts.reduce((total, host) => total + count(host), 0)
  const active = sum((host) => host.active)
  const idle = sum((host) => host.idle)
  return {
    limit: core.settings.maxConnections,
    total: active + idle,
    active,
    idle,
    connecting: sum((host) => host.connecting),
    closing: sum((host) => host.closing),
    abandoned: sum((host) => host.abandoned),
    waiting: sum((host) => host.waiting),
    hosts
  }
}

/** Hosts of equal labels share their metrics: each is told once. */
export const poolMetrics = <K, Conn, E>(core: Core<K, Conn, E>): ReadonlyArray<MetricJson> => {
  const metrics = new Set(Array.from(MutableHashMap.values(core.hosts), (host) => host.metrics))
  return Array.from(metrics, (one) => one.toJSON()).flat()
}
