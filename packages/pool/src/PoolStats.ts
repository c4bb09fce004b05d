/**
 * Immutable snapshots of the pool. Every number is derived from the state of the hosts at one instant, never counted
 * beside it, so `total = active + idle` holds in each of them.
 */
import type { Address } from "./Connector.ts"

/** Why a connection was closed. */
export type CloseReason =
  /** idle for longer than the idle timeout */
  | "idle"
  /** older than its lifetime, or past the time that the peer announced */
  | "aged"
  /** lent as often as it may be */
  | "used"
  /** failed a check, or its address is known to be failing */
  | "unhealthy"
  /** could not be proven alive in time */
  | "unproven"
  /** closed by the peer */
  | "peer"
  /** its lease was interrupted or died */
  | "interrupted"
  /** discarded by its lease */
  | "discarded"
  /** retired by its lease, by `retire(key)`, or drained by the peer */
  | "retired"
  /** its address left the host's addresses */
  | "addressGone"
  /** its permit was needed for another connection */
  | "reclaimed"
  /** more connections, or more idle ones, than the limit allows */
  | "surplus"
  /** opened although no longer wanted: another address had won, or its caller's time was over */
  | "lost"
  /** the pool closed */
  | "shutdown"

/** How the circuit breaker of an address stands. */
export type BreakerState = "closed" | "open" | "halfOpen"

/** One address of a host. */
export interface AddressStats {
  readonly address: Address
  readonly breaker: BreakerState
  /** false once the resolver has dropped it; its last connections are draining then */
  readonly current: boolean
  readonly connections: number
  readonly leases: number
}

/** The connections of one host, or of the whole pool, at one instant. */
export interface Counts {
  /** `active + idle` */
  readonly total: number
  /** open with at least one lease */
  readonly active: number
  /** open without a lease */
  readonly idle: number
  /** being dialed */
  readonly connecting: number
  /** being closed; they hold their permits until they are */
  readonly closing: number
  /** their close hung and was given up */
  readonly abandoned: number
  /** callers in the queue */
  readonly waiting: number
}

/** One host at one instant. */
export interface HostStats extends Counts {
  readonly host: string
  readonly limit: number
  readonly addresses: ReadonlyArray<AddressStats>
  /** connections opened since the host is known */
  readonly opened: number
  /** connections closed, abandoned ones left out */
  readonly closed: number
  readonly closedBy: Readonly<Partial<Record<CloseReason, number>>>
  /** dials that failed */
  readonly failed: number
  /** leases given out, and how many of them on a connection that had served before */
  readonly acquired: number
  readonly reused: number
}

/** The whole pool at one instant. */
export interface PoolStats extends Counts {
  readonly limit: number
  readonly hosts: ReadonlyArray<HostStats>
}

/** What became of the connections when the pool closed. */
export interface ShutdownReport {
  /** connections that were closed idle, or after their leases had ended by themselves */
  readonly graceful: number
  /** connections that were closed under a lease when the grace was over */
  readonly cut: number
  /** connections whose close hung and was given up */
  readonly abandoned: number
  /** milliseconds */
  readonly elapsed: number
}
