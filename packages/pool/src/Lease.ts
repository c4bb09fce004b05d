/** One borrow of a connection. */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Address } from "./Connector.ts"

/**
 * One borrow of a connection, valid until it is given back. Everything on it is safe to call at any time and as often as
 * one likes: after the end it does nothing.
 *
 * @example
 * import type { Lease } from "@watertight/pool"
 * import { Effect } from "effect"
 *
 * export const ask = (lease: Lease.Lease<{ readonly ask: Effect.Effect<string, Error> }>) =>
 *   lease.connection.ask.pipe(Effect.tapErrorCause((cause) => lease.reportFailure(cause)))
 */
export interface Lease<out Conn> {
  readonly connection: Conn
  readonly address: Address
  /** Whether the connection had served another lease before. */
  readonly reused: boolean
  /** Closes the connection now, whoever else holds it. */
  discard(reason: string): Effect.Effect<void>
  /** Lends the connection no more and closes it when no lease is left. */
  retire(reason: string): Effect.Effect<void>
  /** Tells the circuit breaker of the address that the peer failed. The connection itself stays as it is. */
  reportFailure(cause: unknown): Effect.Effect<void>
}

/**
 * A lease without a scope: whoever holds it gives it back. For adapters whose lease ends with something other than an
 * effect, such as the body of a response.
 */
export interface OwnedLease<out Conn> extends Lease<Conn> {
  /** Gives the connection back, once; an exit that was interrupted or died closes it (or as the connector says). */
  release(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void>
  /** The same at once, for callbacks that run outside any fiber. */
  unsafeRelease(exit: Exit.Exit<unknown, unknown>): void
}
