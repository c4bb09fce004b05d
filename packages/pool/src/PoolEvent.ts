/** The closed union of events. Each is plain data, so `JSON.stringify` is its JSON form. */
import * as Data from "effect/Data"
import type { Address } from "./Connector.ts"
import type { BreakerState, CloseReason } from "./PoolStats.ts"

interface Common {
  /** milliseconds of the pool's clock */
  readonly at: number
  readonly host: string
}

interface OfConnection extends Common {
  readonly connection: number
  readonly address: Address
}

/** What happens in a pool. A subscriber that is too slow loses events and is told how many by `Dropped`. */
export type PoolEvent = Data.TaggedEnum<{
  Opened: OfConnection & { readonly elapsed: number }
  OpenFailed: OfConnection & { readonly elapsed: number; readonly failure: string }
  Closed: OfConnection & { readonly reason: CloseReason; readonly detail: string | undefined; readonly age: number }
  /** A close hung and was given up; its permit is free again. */
  Abandoned: OfConnection & { readonly reason: CloseReason }
  Acquired: OfConnection & { readonly reused: boolean; readonly waited: number }
  Released: OfConnection & { readonly held: number }
  Waiting: Common & { readonly position: number }
  /** A caller got no connection; `error` is the tag of its error. */
  Refused: Common & { readonly error: string; readonly waited: number }
  AddressesChanged: Common & { readonly added: ReadonlyArray<Address>; readonly removed: ReadonlyArray<Address> }
  ResolveFailed: Common & { readonly failure: string }
  BreakerChanged: Common & { readonly address: Address; readonly from: BreakerState; readonly to: BreakerState }
  LeakSuspected: OfConnection & {
    readonly held: number
    readonly span: string | undefined
    readonly traceId: string | undefined
    readonly stack: string | undefined
  }
  /** The clock jumped: every idle connection is checked before it is lent again. */
  ClockJumped: { readonly at: number; readonly by: number }
  Reconfigured: { readonly at: number; readonly fields: ReadonlyArray<string> }
  ShutdownStarted: { readonly at: number }
  Dropped: { readonly at: number; readonly count: number }
}>

/** Constructors and guards of {@link PoolEvent}. */
export const PoolEvent = Data.taggedEnum<PoolEvent>()
