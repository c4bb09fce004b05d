/** What a test can tell a scripted network, and ask it. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Address, Connector, Signal } from "../Connector.ts"
import type { Refused, TestConnection } from "./socket.ts"

/**
 * A network that does as it is told. Every setter takes effect in one synchronous step and holds until it is called
 * again, also for hosts that the pool does not know yet. A delay counts for what begins after it was set. Whether an
 * operation hangs, fails or dies is looked at when its delay is over, and again when it stops hanging. Delays are
 * `Effect.sleep`, so `TestClock` governs them.
 *
 * A socket counts as open from the moment it is being dialed until its close here is done, so a limit on sockets can be
 * held against `peakOpen`.
 */
export interface TestNetwork {
  readonly connector: Connector<string, TestConnection, Refused>

  // --- addresses
  setAddresses(key: string, addresses: ReadonlyArray<Address>): Effect.Effect<void>
  /** the time to live of the answers; none at first */
  setTtl(key: string, ttl: Duration.DurationInput | undefined): Effect.Effect<void>
  delayResolve(key: string, delay: Duration.DurationInput): Effect.Effect<void>
  failResolve(key: string, failing: boolean): Effect.Effect<void>
  hangResolve(key: string, hanging: boolean): Effect.Effect<void>
  /** resolving ends in a defect */
  dieResolve(key: string, dying: boolean): Effect.Effect<void>

  // --- dials
  delayOpen(key: string, delay: Duration.DurationInput): Effect.Effect<void>
  failOpen(key: string, failing: boolean): Effect.Effect<void>
  hangOpen(key: string, hanging: boolean): Effect.Effect<void>
  /** dialing ends in a defect */
  dieOpen(key: string, dying: boolean): Effect.Effect<void>
  /** one address takes longer, on top of its host's delay */
  delayOpenAt(key: string, address: Address, delay: Duration.DurationInput): Effect.Effect<void>
  failOpenAt(key: string, address: Address, failing: boolean): Effect.Effect<void>
  hangOpenAt(key: string, address: Address, hanging: boolean): Effect.Effect<void>
  /** dials cannot be interrupted: they end when their delay and their hanging do */
  uninterruptibleOpen(key: string, uninterruptible: boolean): Effect.Effect<void>
  /** failures of this host are no fault of its peer's: the connector's `fault` says "local" */
  localFault(key: string, local: boolean): Effect.Effect<void>
  /** the connector's function itself throws, before there is an effect to run */
  throwFrom(key: string, operation: "resolve" | "open" | "check", throwing: boolean): Effect.Effect<void>

  // --- open connections
  /** leases that new connections carry at once; above one, the connector multiplexes and they report it when they open */
  setCapacity(key: string, leases: number): Effect.Effect<void>
  /** the connection reports this; `Closed` closes it as `closeFromPeer` does */
  signal(connection: TestConnection, signal: Signal): Effect.Effect<void>
  /** the connection reports `Draining` */
  setDraining(connection: TestConnection): Effect.Effect<void>
  /** the peer closes, which the connection reports at once; one that is being dialed fails when it stops waiting */
  closeFromPeer(connection: TestConnection): Effect.Effect<void>
  /** the peer dies without a word: nothing is reported, and checks of this connection hang (or fail) */
  silence(connection: TestConnection, checks?: "hang" | "fail"): Effect.Effect<void>
  /** the peer answers again; parked checks go on */
  revive(connection: TestConnection): Effect.Effect<void>
  /** an interrupted lease keeps its connections of this host */
  keepOnInterrupt(key: string, keep: boolean): Effect.Effect<void>

  // --- checks
  delayChecks(key: string, delay: Duration.DurationInput): Effect.Effect<void>
  failChecks(connection: TestConnection, failing: boolean): Effect.Effect<void>
  /** checks of every connection of the host fail */
  failAllChecks(key: string, failing: boolean): Effect.Effect<void>
  hangChecks(key: string, hanging: boolean): Effect.Effect<void>
  /** checks end in a defect */
  dieChecks(key: string, dying: boolean): Effect.Effect<void>

  // --- closes
  delayClose(key: string, delay: Duration.DurationInput): Effect.Effect<void>
  /** nothing but lifting it, no interrupt either, ends a close that hangs */
  hangClose(key: string, hanging: boolean): Effect.Effect<void>
  /** closing ends in a defect, with the socket gone all the same */
  dieClose(key: string, dying: boolean): Effect.Effect<void>

  // --- what happened
  /** sockets being dialed, open or being closed, of one host or of all */
  openNow(key?: string): Effect.Effect<number>
  /** the most that `openNow` ever was */
  peakOpen(key?: string): Effect.Effect<number>
  /** handshakes under way */
  opening(key: string): Effect.Effect<number>
  /** the most that `opening` ever was */
  peakOpening(key: string): Effect.Effect<number>
  /** connections of the host that are open on both sides, in the order of dialing */
  connections(key: string): Effect.Effect<ReadonlyArray<TestConnection>>
  /** what `openNow` counts, in the order of dialing */
  sockets(key: string): Effect.Effect<ReadonlyArray<TestConnection>>
  /** resolutions of one host begun so far */
  resolved(key: string): Effect.Effect<number>
  /** dials begun so far */
  readonly dialed: Effect.Effect<number>
  /** handshakes finished so far */
  readonly opened: Effect.Effect<number>
  /** those of them that were closed since, by either side */
  readonly closed: Effect.Effect<number>
  /** checks begun so far */
  readonly checks: Effect.Effect<number>
  /** the most checks at once */
  readonly peakChecks: Effect.Effect<number>
  /** the most resolutions at once */
  readonly peakResolving: Effect.Effect<number>
}
