/** How an exchange gives its connection back, once: what the pool is told decides who gets it next. */
import type { Lease } from "@watertight/pool"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type { Body } from "./body.ts"
import type { Receiver, Wire } from "./connection.ts"
import { keepAliveOf, type RawHeaders } from "./head.ts"

const interrupted = Exit.interrupt(FiberId.none)

/** Whether the request is over with its response. */
export const giveBack = (
  lease: Lease.OwnedLease<Wire>,
  receiver: Receiver,
  { ended, error }: Body,
  rawHeaders: RawHeaders
): boolean => {
  const wire = lease.connection
  const sent = wire.sent?.(receiver) !== false
  if (wire.shared) {
    // What is left of it is cancelled before the next one may take its place.
    wire.drop(receiver)
    lease.unsafeRelease(ended ? Exit.void : interrupted)
    return ended && sent
  }
  // An answer may come before the request is written; the next one would have to wait behind the rest.
  const reusable = ended && wire.alive && sent
  if (reusable) {
    const keepAlive = keepAliveOf(rawHeaders)
    if (keepAlive !== undefined) wire.keepAlive(keepAlive)
    lease.unsafeRelease(Exit.void)
  } else if (ended) {
    // the peer did its part, although the connection does not outlive it
    Effect.runSync(lease.retire("the response was its last"))
    lease.unsafeRelease(Exit.void)
  } else if (error?._tag === "BodyClosed") lease.unsafeRelease(interrupted)
  else {
    // told by the connection itself, if it is lost
    if (!wire.alive) wire.drop(receiver)
    else Effect.runSync(lease.discard(error?.message ?? "failed"))
    lease.unsafeRelease(Exit.void)
  }
  return reusable
}
