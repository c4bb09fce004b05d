/**
 * The state of one host, and how a connection moves through it: connecting → idle ⇄ busy/spare → closing → gone. A
 * connection is in exactly one of these lists, so every count is a length and none can disagree with another. PURE: no
 * effect, no clock, no chance; mutable inside, changed only by the transitions in this folder, each one synchronous step.
 */
import type { CloseReason } from "../../PoolStats.ts"
import type { HostSettings } from "../settings.ts"
import { Addresses, type Endpoint } from "./addresses.ts"
import type { Dial } from "./dial.ts"
import { List } from "./list.ts"
import type { Member } from "./member.ts"
import type { Slots } from "./slots.ts"
import type { Total } from "./total.ts"
import { type Waiter, Waiters } from "./waiters.ts"

export interface Counters {
  opened: number
  closed: number
  failed: number
  acquired: number
  reused: number
  readonly closedBy: Partial<Record<CloseReason, number>>
}

export class HostState<C extends Member = Member, W extends Waiter = Waiter> {
  settings: HostSettings
  readonly create: (endpoint: Endpoint, dial: Dial, now: number) => C
  readonly total: Total<HostState<C, W>>
  readonly checks: Slots

  readonly addresses = new Addresses()
  readonly waiters = new Waiters<W>()
  readonly dials = new Set<Dial>()

  readonly connecting = new List<Member>()
  /** from the least to the most recently used */
  readonly idle = new List<Member>()
  /** lent, and not to be lent again before a lease ends */
  readonly busy = new List<Member>()
  /** lent, with room for more leases */
  readonly spare = new List<Member>()
  readonly closing = new List<Member>()
  readonly abandoned = new List<Member>()
  /** Sockets that exist, and so permits that are taken: the lengths of all lists but `abandoned`, so as not to visit each. */
  used = 0

  readonly counters: Counters = { opened: 0, closed: 0, failed: 0, acquired: 0, reused: 0, closedBy: {} }
  /** how many leases a new connection is expected to carry; undefined until the first one has told */
  reach: number | undefined
  resolving = false
  /** checks under way on behalf of waiters */
  proving = 0
  /** set once: nothing is lent, dialed or queued any more */
  shut = false
  usedAt: number

  constructor(options: {
    readonly settings: HostSettings
    readonly multiplexes: boolean
    readonly total: Total<HostState<C, W>>
    readonly checks: Slots
    readonly now: number
    readonly create: (endpoint: Endpoint, dial: Dial, now: number) => C
  }) {
    this.settings = options.settings
    this.total = options.total
    this.checks = options.checks
    this.create = options.create
    this.usedAt = options.now
    this.reach = options.multiplexes ? undefined : 1
  }

  get active(): number {
    return this.busy.size + this.spare.size
  }

  /** Nothing is left of it but memory. */
  get empty(): boolean {
    return this.used === 0 && this.abandoned.size === 0 && this.waiters.size === 0 && !this.resolving
  }

  isOpen(member: Member): boolean {
    return member.list === this.idle || member.list === this.busy || member.list === this.spare
  }

  /** What one connection carries, the next one is expected to. However much that is: none of them still carries nothing. */
  expect(capacity: number): void {
    this.reach = Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, capacity))
  }

  /** The one place where a connection changes its list. */
  move(member: Member, to: List<Member>): void {
    const from = member.list
    if (from === to) return
    // a member is only ever in lists of its own host's state
    if (from === undefined) this.used++
    else (from as List<Member>).remove(member)
    to.add(member)
    if (to === this.abandoned) this.used--
    if (from === this.idle) this.total.idle--
    else if (to === this.idle) this.total.idle++
  }

  /** The connection is nowhere from now on. */
  drop(member: Member): void {
    const from = member.list
    if (from === undefined) return
    if (from !== this.abandoned) this.used--
    if (from === this.idle) this.total.idle-- // see `move`
    ;(from as List<Member>).remove(member)
  }
}
