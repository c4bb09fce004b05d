/** What a transition wants done. The state has already changed when a decision is carried out. PURE. */
import type { BreakerState } from "../../PoolStats.ts"
import type { Endpoint } from "./addresses.ts"
import type { Dial, Failure } from "./dial.ts"
import type { Member } from "./member.ts"
import type { Waiter } from "./waiters.ts"

export type Refusal =
  | { readonly _tag: "Unavailable"; readonly reason: "breakerOpen" | "noAddress"; readonly retryAfter: number }
  | { readonly _tag: "QueueFull" }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Failed"; readonly failure: Failure }

export type Decision<C extends Member, W extends Waiter> =
  /** The connection is lent to the waiter, who has left the queue. */
  | { readonly _tag: "Serve"; readonly waiter: W; readonly member: C }
  /** The waiter has left the queue with nothing. */
  | { readonly _tag: "Refuse"; readonly waiter: W; readonly refusal: Refusal }
  /** Start this attempt of a dial. */
  | { readonly _tag: "Open"; readonly member: C }
  /** End this attempt: nobody wants it any more. */
  | { readonly _tag: "Cancel"; readonly member: C }
  /** If the dial gets no answer for a while, race it. */
  | { readonly _tag: "Race"; readonly dial: Dial }
  | { readonly _tag: "Close"; readonly member: C }
  | { readonly _tag: "Check"; readonly member: C }
  | { readonly _tag: "Resolve" }
  | {
    readonly _tag: "BreakerChanged"
    readonly endpoint: Endpoint
    readonly from: BreakerState
    readonly to: BreakerState
  }

export type Decisions<C extends Member, W extends Waiter> = Array<Decision<C, W>>
