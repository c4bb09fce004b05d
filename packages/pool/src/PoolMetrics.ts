/**
 * Every metric of a pool, named once. Names and attributes follow OpenTelemetry's HTTP client conventions where those have
 * one (`open_connections`, `connection.duration`; attributes `server.address`, `http.connection.state`), and its database
 * client conventions for what a pool has beside. Durations are in seconds. The prefix is a setting (`metricsPrefix`), because
 * not every pool speaks HTTP.
 */

/** One metric: the last part of its name, what it is, and what it tells. */
export interface MetricInfo {
  readonly name: string
  readonly type: "gauge" | "counter" | "histogram"
  readonly description: string
}

const info = (type: MetricInfo["type"], name: string, description: string): MetricInfo => ({ name, type, description })

/**
 * The metrics of one host. Each carries the attributes `pool` and `server.address`.
 *
 * @example
 * import { PoolMetrics } from "@watertight/pool"
 *
 * export const name = `http.client.${PoolMetrics.metrics.openConnections.name}`
 */
export const metrics = {
  openConnections: info(
    "gauge",
    "open_connections",
    "Open connections; attribute http.connection.state is active or idle"
  ),
  connecting: info("gauge", "connecting_connections", "Connections being dialed"),
  closing: info("gauge", "closing_connections", "Connections being closed"),
  pending: info("gauge", "pending_requests", "Callers waiting in the queue"),
  limit: info("gauge", "connection.max", "Connections that the host may have"),
  acquired: info("counter", "connection.leases", "Leases given out; attribute reused says on what"),
  opened: info("counter", "connection.opened", "Connections opened"),
  failed: info("counter", "connection.failures", "Dials that failed"),
  closed: info("counter", "connection.closed", "Connections closed, by attribute reason"),
  abandoned: info("counter", "connection.abandoned", "Connections whose close hung and was given up"),
  refused: info("counter", "connection.refusals", "Acquires that failed, by attribute error.type"),
  leaks: info("counter", "connection.leaks", "Leases that were held for too long"),
  waitTime: info("histogram", "connection.wait_time", "How long callers that had to wait did so"),
  dialTime: info("histogram", "connection.create_time", "How long dials took"),
  lifetime: info("histogram", "connection.duration", "How long connections were open")
} as const

/** The name of a metric's attribute. */
export const attributes = {
  pool: "pool",
  host: "server.address",
  state: "http.connection.state",
  reason: "reason",
  reused: "reused",
  error: "error.type"
} as const

/** Upper bounds of the histograms, in seconds. */
export const boundaries = {
  waitTime: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  dialTime: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  lifetime: [0.01, 0.1, 1, 5, 10, 30, 60, 300, 600, 1800, 3600]
} as const

/** A metric in plain data, as `toJSON` gives it. */
export interface MetricJson {
  readonly name: string
  readonly type: MetricInfo["type"]
  readonly attributes: Readonly<Record<string, string>>
  readonly value: number | { readonly count: number; readonly sum: number; readonly min: number; readonly max: number }
}
