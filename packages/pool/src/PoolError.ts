/**
 * The closed union of failures. Each message says which host, how long the caller waited, and how the host stood, so that
 * a log line alone is enough to tell a leak from an overload from a dead peer.
 */
import * as Data from "effect/Data"
import { toStringUnknown } from "effect/Inspectable"

/** How a host stood when an acquire failed. */
export interface Situation {
  readonly host: string
  /** milliseconds since the acquire began */
  readonly waited: number
  readonly active: number
  readonly idle: number
  readonly connecting: number
  readonly closing: number
  readonly waiting: number
  readonly limit: number
}

const describe = (what: string, at: Situation): string =>
  `${at.host}: ${what} (waited ${at.waited} ms; active ${at.active}, idle ${at.idle}, connecting ${at.connecting}, ` +
  `closing ${at.closing}, waiting ${at.waiting}, limit ${at.limit})`

/** The host's queue is full: the caller was turned away without waiting. */
export class QueueFull extends Data.TaggedError("QueueFull")<Situation & { readonly maxWaiters: number }> {
  override get message(): string {
    return describe(`the queue of ${this.maxWaiters} waiters is full`, this)
  }
}

/** No connection could be had in time. */
export class AcquireTimeout extends Data.TaggedError("AcquireTimeout")<
  Situation & {
    readonly timeout: number
    /** leases of this host that the waiting fiber itself holds: above zero, it may be waiting for itself */
    readonly heldByCaller: number
    /** the last failed dial of this host, if there was one while the caller waited */
    readonly lastFailure: string | undefined
  }
> {
  override get message(): string {
    const self = this.heldByCaller === 0
      ? ""
      : `, of which the waiting fiber itself holds ${this.heldByCaller}: it may be waiting for itself`
    const dial = this.lastFailure === undefined ? "" : `; the last dial failed: ${this.lastFailure}`
    return describe(`no connection within ${this.timeout} ms${self}${dial}`, this)
  }
}

/** The addresses of the host could not be found in time. */
export class ResolveTimeout extends Data.TaggedError("ResolveTimeout")<Situation & { readonly timeout: number }> {
  override get message(): string {
    return describe(`its addresses were not resolved within ${this.timeout} ms`, this)
  }
}

/** The dial made for this caller got no answer in time. */
export class ConnectTimeout extends Data.TaggedError("ConnectTimeout")<
  Situation & {
    readonly timeout: number
    readonly address: string
    /** what the connector says about it, if it says anything */
    readonly detail: string | undefined
  }
> {
  override get message(): string {
    const detail = this.detail === undefined ? "" : `: ${this.detail}`
    return describe(`${this.address} was not connected within ${this.timeout} ms${detail}`, this)
  }
}

/** The pool is closing or closed. */
export class PoolClosed extends Data.TaggedError("PoolClosed")<Situation> {
  override get message(): string {
    return describe("the pool is closed", this)
  }
}

/** Every address of the host is failing; nothing is dialed until its circuit breakers let a probe through. */
export class HostUnavailable extends Data.TaggedError("HostUnavailable")<
  Situation & {
    /** milliseconds until the first address may be tried again; 0 when a probe is under way */
    readonly retryAfter: number
    readonly reason: "breakerOpen" | "noAddress"
  }
> {
  override get message(): string {
    return describe(
      this.reason === "noAddress"
        ? "the resolver knows no address"
        : `every address is failing, the next try is in ${this.retryAfter} ms`,
      this
    )
  }
}

/** The pool knows as many hosts as it may, and none of them is free to be forgotten. */
export class TooManyHosts extends Data.TaggedError("TooManyHosts")<Situation & { readonly maxHosts: number }> {
  override get message(): string {
    return describe(`the pool already serves ${this.maxHosts} hosts`, this)
  }
}

/** A setting has a value that it cannot have. */
export class ConfigInvalid extends Data.TaggedError("ConfigInvalid")<{
  readonly field: string
  readonly value: unknown
  readonly allowed: string
}> {
  override get message(): string {
    return `${this.field}: ${show(this.value)} is not allowed; allowed: ${this.allowed}`
  }
}

const show = (value: unknown): string => typeof value === "string" ? JSON.stringify(value) : toStringUnknown(value, 0)

/** Why an acquire failed, besides the connector's own errors. */
export type AcquireError =
  | QueueFull
  | AcquireTimeout
  | ResolveTimeout
  | ConnectTimeout
  | PoolClosed
  | HostUnavailable
  | TooManyHosts

/** Every failure of this package. */
export type PoolError = AcquireError | ConfigInvalid
