/** One scripted socket: what a test sees of it, and what the network knows about it. */
import * as Data from "effect/Data"
import type { Address, Fault, Signal } from "../Connector.ts"
import { Gate } from "./gate.ts"

/**
 * What a scripted network answers when it was told to fail.
 *
 * @example
 * import type { TestConnector } from "@watertight/pool/testing"
 * import { Effect } from "effect"
 *
 * export const whereRefused = <A>(effect: Effect.Effect<A, TestConnector.Refused>) =>
 *   Effect.catchTag(effect, "Refused", (error) => Effect.succeed(error.address))
 */
export class Refused extends Data.TaggedError("Refused")<{
  readonly key: string
  /** none when the addresses themselves could not be found */
  readonly address: Address | undefined
  readonly operation: "resolve" | "open" | "check"
  /** what the connector says whose fault it was */
  readonly fault: Fault
}> {
  override get message(): string {
    const where = this.address === undefined ? this.key : `${this.key} at ${this.address}`
    return `${where}: ${this.operation} was refused`
  }
}

/** Where a socket stands. One that the peer has closed stays `open` until this side has closed it too. */
export type Phase = "dialing" | "open" | "closing" | "closed"

/** A connection of the scripted network. Two of them are equal only if they are the same. */
export interface TestConnection {
  /** unique in its network, in the order of dialing */
  readonly id: number
  readonly key: string
  readonly address: Address
  readonly phase: Phase
  /** the handshake is done, and neither side has closed it; a peer that fell silent changes nothing here */
  readonly isOpen: boolean
  /** checks begun on this connection */
  readonly checks: number
}

/** The same with everything that may change; it changes in synchronous steps of the network alone. */
export class Socket implements TestConnection {
  readonly id: number
  readonly key: string
  readonly address: Address
  readonly report: (signal: Signal) => void
  phase: Phase = "dialing"
  /** its handshake was finished once, so it counts in `opened` and later in `closed` */
  connected = false
  peerClosed = false
  checks = 0
  failsChecks = false
  /** shut while the peer is silent */
  readonly peer: Gate = new Gate()

  constructor(id: number, key: string, address: Address, report: (signal: Signal) => void) {
    this.id = id
    this.key = key
    this.address = address
    this.report = report
  }

  get isOpen(): boolean {
    return this.phase === "open" && !this.peerClosed
  }

  toJSON(): unknown {
    return { _id: "TestConnection", id: this.id, key: this.key, address: this.address, phase: this.phase }
  }
}
