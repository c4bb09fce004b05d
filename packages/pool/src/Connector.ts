/**
 * What an adapter supplies: how to find the addresses of a host, how to open one connection, and how to prove that a
 * connection is alive. The pool supplies the rest.
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Equal from "effect/Equal"
import type * as Scope from "effect/Scope"

/** What names a host. Identity is `Equal` and `Hash`; people see the connector's `label` instead. */
export type Key = string | Equal.Equal

/** One resolved endpoint of a host (`"10.0.0.1"`, `"unix:/run/app.sock"`, `"local"`): opaque to the pool. */
export type Address = string

/** The answer of a resolver. A time to live may only shorten the pool's own refresh interval. */
export interface Resolution {
  readonly addresses: ReadonlyArray<Address>
  readonly ttl?: Duration.DurationInput | undefined
}

/** Whose fault a failed dial is. Only the peer's faults count for its circuit breaker. */
export type Fault = "peer" | "local"

/** What a connection may tell the pool about itself, at any time and as often as it likes. */
export type Signal = Data.TaggedEnum<{
  /** The connection is gone: never lend it again. */
  Closed: { readonly reason: string }
  /** The peer wants to end (GOAWAY): the leases at work may finish, no new one starts. */
  Draining: {}
  /** The connection is not to be used any more, for a reason of our own: the leases at work may finish, no new one starts. */
  Retire: { readonly reason: string }
  /** How many leases the connection carries at once from now on. */
  Capacity: { readonly leases: number }
  /** The peer will close the connection at that time (milliseconds of the pool's clock). A later report replaces an earlier one. */
  ExpiresAt: { readonly millis: number }
  /** What there is to say about a dial that takes too long, asked for its `ConnectTimeout`. It must hold no secret. */
  Connecting: { readonly describe: () => string }
}>

/**
 * Constructors of {@link Signal}.
 *
 * @example
 * import { Connector } from "@watertight/pool"
 *
 * export const gone = Connector.Signal.Closed({ reason: "ECONNRESET" })
 */
export const Signal = Data.taggedEnum<Signal>()

/**
 * How the pool reaches the outside. Everything here may fail, hang, throw or be interrupted: it costs the one connection
 * concerned, nothing else.
 *
 * @example
 * import { Connector } from "@watertight/pool"
 * import { Effect } from "effect"
 *
 * export const echo: Connector.Connector<string, { readonly name: string }> = {
 *   label: (key) => key,
 *   resolve: () => Effect.succeed({ addresses: ["local"] }),
 *   open: (key) => Effect.acquireRelease(Effect.succeed({ name: key }), () => Effect.void),
 *   check: () => Effect.void
 * }
 */
export interface Connector<in K, in out Conn, out E = never> {
  /** The name of a host in stats, events, metrics and errors. It must hold no secret and need not be unique. */
  label(key: K): string
  /** Finds the addresses of a host. The pool coalesces, bounds and repeats it. */
  resolve(key: K): Effect.Effect<Resolution, E>
  /**
   * Opens one connection to that very address. Register its close in the scope *before* the handshake, and stay
   * interruptible: the pool interrupts a dial that lost a race or took too long.
   */
  open(key: K, address: Address, report: (signal: Signal) => void): Effect.Effect<Conn, E, Scope.Scope>
  /** Proves on this very connection that the peer is there. Any failure removes the connection. */
  check(connection: Conn): Effect.Effect<void, unknown>
  /** What becomes of a connection whose lease was interrupted or died. Default: it is closed. */
  interrupt?(connection: Conn): "close" | "keep"
  /**
   * Whether one connection of that host may carry several leases. Then only one dial is in flight until the first
   * connection has told its capacity. Default: no.
   */
  multiplexes?(key: K): boolean
  /** Whose fault a failed dial was. Default: the peer's. */
  fault?(error: E): Fault
}
