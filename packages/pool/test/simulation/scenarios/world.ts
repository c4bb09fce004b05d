import { Effect } from "effect"
import type * as Connector from "../../../src/Connector.ts"
import type { Prng } from "../prng.ts"
import type { Sim } from "../simulator.ts"
import { calm, type Faults, stormy } from "./faults.ts"

/** One socket of the simulated network. A scenario reads it; only the network changes it. */
export interface SimConnection {
  readonly id: number
  readonly key: string
  readonly address: Connector.Address
  readonly report: (signal: Connector.Signal) => void
  phase: "connecting" | "open" | "closing" | "closed"
  /** The peer is no longer there, whether or not anybody was told. */
  peerGone: boolean
  /** The step in which the pool was told that the connection is over: a lease that starts later is a bug. */
  overSinceStep: number | undefined
  /** Leases that it carries at once, as last reported. */
  capacity: number
  checksRunning: number
}

/** The sockets of one key, counted by the network and not by the pool. */
export interface SocketCounts {
  /** Every socket ever made, and how each ended or stands. */
  attempted: number
  opened: number
  closed: number
  connectingNow: number
  openNow: number
  closingNow: number
  /** The most sockets that were there at one time, in whatever phase. */
  peak: number
  checksNow: number
  checksPeak: number
}

export interface WorldOptions {
  /** Default: `stormy`. */
  readonly faults?: Partial<Faults>
  /** Above 1, connections carry several leases. Default: 1. */
  readonly capacityMax?: number
  readonly addressesPerKey?: number
}

/** The network around the pool: its time is the simulation's, its faults are the seed's, its books are its own. */
export class World {
  readonly sim: Sim
  readonly random: Prng
  readonly capacityMax: number
  readonly #addressesPerKey: number
  readonly #counts = new Map<string, SocketCounts>()
  readonly #addresses = new Map<string, ReadonlyArray<Connector.Address>>()
  readonly #live = new Set<SimConnection>()
  readonly #hung = new Set<() => void>()
  #faults: Faults
  #sockets = 0

  constructor(sim: Sim, options: WorldOptions = {}) {
    this.sim = sim
    this.random = sim.faultRandom
    this.capacityMax = options.capacityMax ?? 1
    this.#addressesPerKey = options.addressesPerKey ?? 3
    this.#faults = { ...stormy, ...options.faults }
  }

  /** The sockets that are there now, in whatever phase. */
  get live(): ReadonlySet<SimConnection> {
    return this.#live
  }

  counts(key: string): SocketCounts {
    const known = this.#counts.get(key)
    if (known !== undefined) return known
    const fresh: SocketCounts = {
      attempted: 0,
      opened: 0,
      closed: 0,
      connectingNow: 0,
      openNow: 0,
      closingNow: 0,
      peak: 0,
      checksNow: 0,
      checksPeak: 0
    }
    this.#counts.set(key, fresh)
    return fresh
  }

  /** Whether this fault strikes now. */
  strikes(fault: keyof Faults): boolean {
    return this.random.chance(this.#faults[fault])
  }

  /** Ends all faults and everything that hangs: from here on the pool must recover by itself. */
  calm(): void {
    this.sim.log("the world is calm")
    this.#faults = calm
    for (const wake of this.#hung) this.after(0, 0, wake)
    this.#hung.clear()
  }

  /** A driver's callback, some time between the two bounds (in milliseconds) from now. */
  after(low: number, high: number, run: () => void): () => boolean {
    return this.sim.clock.after(this.random.between(low, high), run)
  }

  /** Answers after some time, as a driver's callback would. */
  answer<A, E>(low: number, high: number, give: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.async<A, E>((resume) => {
      const cancel = this.after(low, high, () => {
        const given = give()
        if (given !== undefined) resume(given)
      })
      return Effect.sync(() => {
        cancel()
      })
    })
  }

  /** Does not answer before the world is calm. */
  hang<A, E>(give: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.async<A, E>((resume) => {
      const wake = (): void => {
        const given = give()
        if (given !== undefined) resume(given)
      }
      this.#hung.add(wake)
      return Effect.sync(() => {
        this.#hung.delete(wake)
      })
    })
  }

  addressesOf(key: string): ReadonlyArray<Connector.Address> {
    const known = this.#addresses.get(key)
    if (known !== undefined && !this.strikes("addressesChange")) return known
    const first = known === undefined ? 0 : this.random.int(this.#addressesPerKey * 2)
    const addresses = Array.from(
      { length: this.random.between(1, this.#addressesPerKey) },
      (_, index) => `${key}.${first + index}`
    )
    this.#addresses.set(key, addresses)
    return addresses
  }

  socket(
    key: string,
    address: Connector.Address,
    report: (signal: Connector.Signal) => void
  ): SimConnection {
    const connection: SimConnection = {
      id: ++this.#sockets,
      key,
      address,
      report,
      phase: "connecting",
      peerGone: false,
      overSinceStep: undefined,
      capacity: this.capacityMax,
      checksRunning: 0
    }
    this.#live.add(connection)
    const counts = this.counts(key)
    counts.attempted++
    counts.connectingNow++
    counts.peak = Math.max(counts.peak, counts.connectingNow + counts.openNow + counts.closingNow)
    this.log(connection, "dial")
    return connection
  }

  /** Moves a socket on and keeps the books. Phases only go forward; a step back is the network's own bug. */
  move(connection: SimConnection, phase: SimConnection["phase"]): void {
    if (phases.indexOf(phase) <= phases.indexOf(connection.phase)) {
      this.sim.fail(`the network moved ${nameOf(connection)} from ${connection.phase} to ${phase}`)
    }
    const counts = this.counts(connection.key)
    if (connection.phase !== "closed") counts[`${connection.phase}Now`]--
    connection.phase = phase
    this.log(connection, phase)
    if (phase === "open") counts.opened++
    if (phase === "closed") {
      counts.closed++
      this.#live.delete(connection)
    } else {
      counts[`${phase}Now`]++
    }
  }

  /** Tells the pool, sometimes twice. */
  report(connection: SimConnection, signal: Connector.Signal): void {
    if (signal._tag === "Closed" || signal._tag === "Draining") connection.overSinceStep ??= this.sim.step
    if (signal._tag === "Capacity") connection.capacity = signal.leases
    this.log(connection, `reports ${signal._tag}`)
    connection.report(signal)
    if (this.strikes("reportsTwice")) this.after(0, 2, () => connection.report(signal))
  }

  log(connection: SimConnection, event: string): void {
    this.sim.log(`${event} ${nameOf(connection)}`)
  }
}

const phases: ReadonlyArray<SimConnection["phase"]> = ["connecting", "open", "closing", "closed"]

const nameOf = ({ address, id }: SimConnection): string => `${address}#${id}`
