/** One connection as the state of its host sees it. PURE. */
import type { CloseReason } from "../../PoolStats.ts"
import type { Endpoint } from "./addresses.ts"
import type { Dial } from "./dial.ts"
import type { Linked } from "./list.ts"

export class Member implements Linked<Member> {
  previous: Member | undefined = undefined
  next: Member | undefined = undefined
  /** where it is: one of the lists of its host's state, or nowhere once it has ended */
  list: unknown = undefined

  readonly id: number
  readonly endpoint: Endpoint
  readonly startedAt: number
  /** the dial that it is an attempt of, while it is connecting and wanted */
  dial: Dial | undefined
  /** it tries an address whose breaker is half-open: what becomes of it is the verdict */
  probe: boolean

  leases = 0
  capacity = 1
  uses = 0
  openedAt = 0
  /** since when it has no lease */
  idleSince = 0
  /** the end of its lifetime, as the pool has drawn it */
  lifetimeEndsAt = Infinity
  /** when its peer will close it, as the peer said last */
  peerEndsAt = Infinity
  /** when a health check was due; undefined once it is proven alive */
  asked: number | undefined = undefined
  /** a check has it: it is idle, but not to be lent */
  reserved = false
  /** the reservation was made on behalf of a waiter */
  awaited = false
  /** the clock jumped while it was idle: to be checked before it is lent */
  suspect = false
  /** lend no more; close when no lease is left */
  retiring: CloseReason | undefined = undefined
  /** why it was closed, in words */
  detail: string | undefined = undefined
  closeReason: CloseReason | undefined = undefined

  constructor(id: number, endpoint: Endpoint, dial: Dial | undefined, now: number) {
    this.id = id
    this.endpoint = endpoint
    this.dial = dial
    this.startedAt = now
    this.probe = endpoint.breaker.state !== "closed"
  }

  get expiresAt(): number {
    return Math.min(this.lifetimeEndsAt, this.peerEndsAt)
  }
}
