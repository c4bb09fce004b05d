/**
 * The naive model: what a host is in the words of the design. Arrays and counts of its own; it reads nothing but the settings
 * from the state that it is compared with.
 */
import type { Endpoint } from "../../src/internal/state/addresses.ts"
import type { Dial, Failure } from "../../src/internal/state/dial.ts"
import type { HostState } from "../../src/internal/state/hostState.ts"
import type { Member } from "../../src/internal/state/member.ts"
import { Waiter } from "../../src/internal/state/waiters.ts"
import type { CloseReason } from "../../src/PoolStats.ts"
import { BreakerModel } from "./breakerModel.ts"

export type State = HostState<Member, Waiter>

/** A resolved address, for as long as it is current or a connection leads there. */
export interface Place {
  readonly address: string
  readonly endpoint: Endpoint
  readonly breaker: BreakerModel
  current: boolean
  /** the state of the breaker that was announced last */
  announced: BreakerModel["state"]
}

/** One borrow. It stays with its borrower until released, whatever becomes of the connection. */
export interface Lease {
  readonly socket: Socket
}

/** One connection, from the start of its dial to the end of its socket. */
export class Socket {
  readonly member: Member
  readonly book: Book
  readonly place: Place
  readonly dial: Dial | undefined
  where: "connecting" | "open" | "closing" | "abandoned" | "gone" = "connecting"
  /** its dial still hopes for it */
  wanted = true
  /** the shell was told to end the attempt */
  cancelled = false
  leases = 0
  uses = 0
  /** it has been lent as often as it may be, if only for a moment: it may be over for it, or not */
  usedUp = false
  capacity = 1
  openedAt = 0
  idleSince = 0
  lifetimeEndsAt = Infinity
  peerEndsAt = Infinity
  /** when its health check was due */
  asked: number | undefined = undefined
  reserved = false
  suspect = false
  /** why it must not be lent any more */
  readonly reasons = new Set<CloseReason>()

  constructor(member: Member, book: Book, place: Place) {
    this.member = member
    this.book = book
    this.place = place
    this.dial = member.dial
  }

  get idle(): boolean {
    return this.where === "open" && this.leases === 0
  }

  get active(): boolean {
    return this.where === "open" && this.leases > 0
  }

  get probe(): boolean {
    return this.place.breaker.probes.has(this)
  }

  /** It may be lent beside the leases that it has. */
  get hasRoom(): boolean {
    return this.active && this.leases < this.capacity && this.reasons.size === 0 && !this.probe
  }

  get expiresAt(): number {
    return Math.min(this.lifetimeEndsAt, this.peerEndsAt)
  }

  pastItsTime(now: number): boolean {
    return now >= this.expiresAt || this.uses >= this.book.state.settings.maxUses
  }

  /** Idle for longer than the idle timeout, and not kept by the floor. */
  overdue(now: number): boolean {
    const { idleTimeout, minIdle } = this.book.state.settings
    return this.idle && now - this.idleSince >= idleTimeout && this.book.count("idle") > minIdle
  }

  /** It is there to be lent now. */
  lendable(now: number): boolean {
    if (this.pastItsTime(now) || this.usedUp || this.reasons.size > 0) return false
    if (this.place.breaker.state === "open") return false
    return this.hasRoom || (this.idle && !this.reserved && !this.suspect && !this.overdue(now))
  }
}

type Count = "connecting" | "idle" | "active" | "closing" | "abandoned"

/** The books of one host. */
export class Book {
  readonly name: string
  readonly state: State
  /** the callers that wait, in order of arrival */
  readonly queue: Array<Waiter> = []
  /** all but those that are gone */
  sockets: Array<Socket> = []
  places: Array<Place> = []
  /** addresses that a dial has tried */
  readonly tried = new Map<Dial, Set<Place>>()
  /** dials for nobody in particular: how often each one was told that it had ended */
  readonly warmed: Array<{ told: number; failure: Failure | undefined }> = []
  known = false
  resolving = false
  closed = false
  reach: number | undefined
  /** of connections that are gone */
  readonly past = { acquired: 0, reused: 0, opened: 0 }
  failed = 0
  closedBy: Partial<Record<CloseReason, number>> = {}

  constructor(name: string, state: State, multiplexes: boolean) {
    this.name = name
    this.state = state
    this.reach = multiplexes ? undefined : 1
  }

  count(what: Count): number {
    let count = 0
    for (const socket of this.sockets) {
      if (what === "idle" ? socket.idle : what === "active" ? socket.active : socket.where === what) count++
    }
    return count
  }

  /** Sockets that exist and are not given up. */
  get used(): number {
    return this.sockets.length - this.count("abandoned")
  }

  /** Dials that still hope for a connection. */
  get liveDials(): Set<Dial> {
    const dials = new Set<Dial>()
    for (const { dial, wanted, where } of this.sockets) {
      if (where === "connecting" && wanted && dial !== undefined) dials.add(dial)
    }
    return dials
  }

  /** Waiters for whom nothing is coming. */
  unmet(proving: number): number {
    return this.queue.length - this.liveDials.size * (this.reach ?? 1) - proving
  }

  /** Dials that may be in flight at once: one, while nobody knows what a connection can carry. */
  get dialsAtOnce(): number {
    return this.reach === undefined ? 1 : this.state.settings.maxConnectingPerHost
  }

  /** The addresses that a dial may go to now. */
  admitting(now: number): Array<Place> {
    return this.places.filter(({ breaker, current }) => current && breaker.admits(now))
  }

  /** The peer at that address failed. */
  blame(socket: Socket, now: number, byLease: boolean): void {
    // a dial that fails says nothing about what is open
    if (!socket.place.breaker.fail(socket, now) || !byLease) return
    for (const other of this.sockets) {
      if (other.place === socket.place && other.where === "open") other.reasons.add("unhealthy")
    }
  }

  /** The resolver's answer. */
  learn(addresses: ReadonlyArray<string>): void {
    for (const place of this.places) place.current = addresses.includes(place.address)
    this.known = true
    for (const socket of this.sockets) {
      if (!socket.place.current && (socket.where === "connecting" || socket.where === "open")) {
        socket.reasons.add("addressGone")
      }
    }
  }

  /** Takes over the addresses that are new, and forgets those that are departed and led nowhere. */
  settlePlaces(): void {
    for (const endpoint of this.state.addresses.endpoints.values()) {
      if (this.places.some((place) => place.endpoint === endpoint)) continue
      const breaker = new BreakerModel(this.state.settings.breaker)
      this.places.push({ address: endpoint.address, endpoint, breaker, current: true, announced: "closed" })
    }
    this.places = this.places.filter((place) =>
      place.current ||
      this.sockets.some((socket) =>
        socket.place === place && (socket.where === "connecting" || socket.where === "open")
      )
    )
  }
}

export const waiting = (since: number, fresh: boolean): Waiter => new Waiter(since, fresh)

export const fault = (text: string): never => {
  throw new Error(text)
}

export const expect = (holds: boolean, text: string): void => {
  if (!holds) fault(text)
}
