import { Deferred, Effect, FiberId } from "effect"
import type { BugName } from "./bugs.ts"
import type { Network, Socket } from "./network.ts"

/** One borrow of a socket. A socket is lent many times; a lease ends once. */
export interface Lease {
  readonly socket: Socket
  readonly sinceMillis: number
  ended: boolean
}

interface IdleSocket {
  readonly socket: Socket
  readonly sinceMillis: number
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export interface KeyedPoolOptions {
  readonly key: string
  readonly max: number
  readonly network: Network
  readonly now: () => number
  readonly bug: BugName | undefined
}

/**
 * The pool of one key: small, correct unless a bug is planted, and no relative of the real one. Its purpose is to be
 * found out by the harness.
 */
export class KeyedPool {
  readonly key: string
  readonly max: number
  readonly active = new Set<Lease>()
  readonly waiters: Array<Deferred.Deferred<void>> = []
  readonly stats = { total: 0, active: 0, idle: 0 }
  permits: number
  connecting = 0
  idle: ReadonlyArray<IdleSocket> = []
  readonly #network: Network
  readonly #now: () => number
  readonly #bug: BugName | undefined

  constructor(options: KeyedPoolOptions) {
    this.key = options.key
    this.max = options.max
    this.permits = options.max
    this.#network = options.network
    this.#now = options.now
    this.#bug = options.bug
  }

  /** One mask around all three: `acquireUseRelease` would make a caller that waits uninterruptible. */
  use<A, E, R>(body: (lease: Lease) => Effect.Effect<A, E, R>): Effect.Effect<A, E | "refused", R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        this.#acquire(restore),
        (lease) => Effect.ensuring(restore(body(lease)), this.release(lease))
      )
    )
  }

  /** Ends a lease and keeps its socket. Whoever comes second does nothing. */
  release(lease: Lease): Effect.Effect<void> {
    return Effect.flatMap(this.#end(lease), (mine) => mine ? this.#settle(lease, "keep") : Effect.void)
  }

  /** Closes what has been idle for too long, and takes back what has been held for too long. */
  evict(idleMillisMax: number, heldMillisMax: number): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => {
      const held = [...this.active].filter((lease) => this.#age(lease) >= heldMillisMax)
      const expired = this.idle.filter((entry) => this.#age(entry) >= idleMillisMax)
      // Out of the list in the same step: whoever runs meanwhile must not be lent a socket that is about to close.
      this.idle = this.idle.filter((entry) => !expired.includes(entry))
      return Effect.zipRight(
        Effect.forEach(expired, ({ socket }) => Effect.zipRight(this.#count(-1, 0, -1), this.#network.close(socket))),
        Effect.forEach(held, (lease) => this.#reclaim(lease), { discard: true })
      )
    }))
  }

  #reclaim(lease: Lease): Effect.Effect<void> {
    return Effect.flatMap(
      this.#end(lease),
      (mine) => mine ? Effect.zipRight(this.#network.close(lease.socket), this.#settle(lease, "closed")) : Effect.void
    )
  }

  /** Whoever ends a lease owns its release; everybody else does nothing. */
  #end(lease: Lease): Effect.Effect<boolean> {
    const isOpen = Effect.sync(() => !lease.ended)
    const end = Effect.sync(() => {
      const mine = !lease.ended
      lease.ended = true
      return mine
    })
    return this.#bug === "double-release" ? Effect.zipLeft(isOpen, end) : end
  }

  #settle(lease: Lease, fate: "keep" | "closed"): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.active.delete(lease)
      if (fate === "closed") return Effect.zipRight(this.#count(-1, -1, 0), this.#givePermit)
      this.idle = [...this.idle, { socket: lease.socket, sinceMillis: this.#now() }]
      return Effect.zipRight(this.#count(0, -1, 1), this.#givePermit)
    })
  }

  #acquire(restore: Restore): Effect.Effect<Lease, "refused"> {
    const permit = this.#bug === "permit-leak-late"
      ? restore(this.#takePermit((effect) => effect)) // the end of restore may be interrupted with the permit in hand
      : this.#takePermit(restore)
    return Effect.zipRight(permit, Effect.suspend(() => this.#reuse() ?? this.#connect(restore)))
  }

  #takePermit(restore: Restore): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.permits > 0) {
        this.permits--
        return Effect.void
      }
      const turn = Deferred.unsafeMake<void>(FiberId.none)
      this.waiters.push(turn)
      return Effect.onInterrupt(restore(Deferred.await(turn)), () => this.#leaveQueue(turn))
    })
  }

  #leaveQueue(turn: Deferred.Deferred<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const place = this.waiters.indexOf(turn)
      if (place >= 0) {
        this.waiters.splice(place, 1)
        return Effect.void
      }
      // Woken and interrupted at once: the permit was handed over, so it has to be passed on.
      return this.#bug === "lost-wakeup" ? Effect.void : this.#givePermit
    })
  }

  get #givePermit(): Effect.Effect<void> {
    return Effect.sync(() => {
      const next = this.waiters.shift()
      if (next === undefined) this.permits++
      else Deferred.unsafeDone(next, Effect.void)
    })
  }

  #reuse(): Effect.Effect<Lease> | undefined {
    const last = this.idle.at(-1)
    if (last === undefined) return undefined
    this.idle = this.idle.slice(0, -1)
    return Effect.as(this.#count(0, 1, -1), this.#lend(last.socket))
  }

  #connect(restore: Restore): Effect.Effect<Lease, "refused"> {
    this.connecting++
    const socket = this.#network.socket(this.key)
    return this.#handshake(socket, restore).pipe(
      Effect.onExit(() => Effect.sync(() => this.connecting--)),
      Effect.onError((cause) => this.#bug === "permit-leak" && cause._tag !== "Fail" ? Effect.void : this.#givePermit),
      Effect.zipRight(Effect.suspend(() => Effect.as(this.#count(1, 1, 0), this.#lend(socket))))
    )
  }

  #handshake(socket: Socket, restore: Restore): Effect.Effect<void, "refused"> {
    const handshake = this.#network.connect(socket)
    const close = (): Effect.Effect<void> => this.#network.close(socket)
    switch (this.#bug) {
      case "socket-lost":
        return restore(handshake)
      case "cleanup-inside-restore":
        return restore(Effect.onInterrupt(handshake, close))
      default:
        return Effect.onError(restore(handshake), close)
    }
  }

  #lend(socket: Socket): Lease {
    const lease: Lease = { socket, sinceMillis: this.#now(), ended: false }
    this.active.add(lease)
    return lease
  }

  #count(total: number, active: number, idle: number): Effect.Effect<void> {
    const { stats } = this
    const addTotal = Effect.sync(() => stats.total += total)
    const addActive = Effect.sync(() => stats.active += active)
    const addIdle = Effect.sync(() => stats.idle += idle)
    if (this.#bug === "torn-stats") return Effect.asVoid(Effect.zipRight(Effect.zipRight(addTotal, addActive), addIdle))
    return Effect.sync(() => {
      stats.total += total
      stats.active += active
      stats.idle += idle
    })
  }

  #age(entry: { readonly sinceMillis: number }): number {
    return this.#now() - entry.sinceMillis
  }
}
