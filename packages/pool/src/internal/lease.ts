/** A borrow: the lease that a caller holds, and what the pool remembers about it. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Lease from "../Lease.ts"
import type { Connection } from "./connection.ts"
import type { Host } from "./core.ts"
import { blame, discard, giveBack, retire } from "./release.ts"
import type { Outcome } from "./state/lending.ts"
import type { Linked } from "./state/list.ts"

const done: Outcome = { _tag: "Done" }
const unknown: Outcome = { _tag: "Unknown" }
const unused: Outcome = { _tag: "Unused" }
const interrupted: Outcome = { _tag: "Close", reason: "interrupted" }

export class Borrow<in out K, in out Conn, in out E> implements Lease.OwnedLease<Conn>, Linked<Borrow<K, Conn, E>> {
  previous: Borrow<K, Conn, E> | undefined = undefined
  next: Borrow<K, Conn, E> | undefined = undefined
  list: unknown = undefined

  readonly host: Host<K, Conn, E>
  readonly source: Connection<K, Conn, E>
  readonly connection: Conn
  readonly reused: boolean
  readonly since: number
  /** who borrowed, for the leak detector and for the message of a self-deadlock */
  readonly holder: Fiber.RuntimeFiber<unknown, unknown>
  readonly context: Context.Context<never>
  stack: string | undefined = undefined
  suspected = false
  private blamed = false

  constructor(
    host: Host<K, Conn, E>,
    source: Connection<K, Conn, E>,
    holder: Fiber.RuntimeFiber<unknown, unknown>,
    since: number
  ) {
    this.host = host
    this.source = source
    this.connection = source.value as Conn // set before the state learned that the connection is open
    this.reused = source.uses > 1
    this.since = since
    this.holder = holder
    this.context = holder.currentContext
  }

  get address(): string {
    return this.source.endpoint.address
  }

  discard(reason: string): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.list !== undefined) discard(this, reason)
    })
  }

  retire(reason: string): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.list !== undefined) retire(this, reason)
    })
  }

  reportFailure(_cause: unknown): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.list === undefined || this.blamed) return
      this.blamed = true
      blame(this)
    })
  }

  release(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.sync(() => this.unsafeRelease(exit))
  }

  unsafeRelease(exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit)) this.succeeded()
    else this.failed(exit.cause)
  }

  succeeded(): void {
    if (this.list !== undefined) giveBack(this, this.blamed ? unknown : done)
  }

  /** A typed failure is the borrower's own affair; an interruption or a defect leaves the connection in the middle of something. */
  failed(cause: Cause.Cause<unknown>): void {
    if (this.list === undefined) return
    if (!Cause.isInterrupted(cause) && !Cause.isDie(cause)) this.succeeded()
    else giveBack(this, this.keepsAfterInterrupt() ? unknown : interrupted)
  }

  /** The lease was handed over to a caller who was gone. */
  neverReceived(): void {
    if (this.list !== undefined) giveBack(this, unused)
  }

  private keepsAfterInterrupt(): boolean {
    try {
      return this.host.core.connector.interrupt?.(this.connection) === "keep"
    } catch {
      return false // a connector that throws here costs this one connection
    }
  }

  toJSON(): unknown {
    return {
      _id: "Lease",
      host: this.host.label,
      connection: this.source.id,
      address: this.address,
      reused: this.reused
    }
  }
}
