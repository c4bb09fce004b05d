/** What a connection says about itself, and what follows. PURE. */
import type { Signal } from "../../Connector.ts"
import { noteFailure } from "./addresses.ts"
import type { Decisions } from "./decision.ts"
import * as Ending from "./ending.ts"
import type { HostState } from "./hostState.ts"
import * as Lending from "./lending.ts"
import type { Member } from "./member.ts"
import * as Pairing from "./pairing.ts"
import type { Waiter } from "./waiters.ts"

/** A connection that its peer closes unused within so many milliseconds was never any good. */
const bornDead = 1_000

/** The connection reports something about itself. */
export const signal = <C extends Member, W extends Waiter>(
  state: HostState<C, W>,
  member: C,
  report: Signal,
  now: number,
  out: Decisions<C, W>
): void => {
  switch (report._tag) {
    case "Connecting":
      // for people, and not for the state
      return
    case "Closed": {
      if (member.list === state.connecting) {
        // whatever else was wanted of it
        member.retiring = "peer"
        member.detail = report.reason
      } else {
        // It accepted and closed at once: nobody is to dial as fast as it does that.
        if (member.uses === 0 && now - member.openedAt < bornDead) noteFailure(member.endpoint, now)
        Ending.close(state, member, "peer", out, report.reason)
      }
      break
    }
    case "Draining": {
      if (member.list === state.connecting) member.retiring = "peer"
      Ending.retire(state, member, "retired", out, "the peer is draining")
      break
    }
    case "Retire": {
      // Not its peer's doing: within the handshake it is no failure.
      Ending.retire(state, member, "retired", out, report.reason)
      break
    }
    case "ExpiresAt": {
      // The last word counts: a server that keeps idle connections for five seconds says so with every answer, and means
      // five seconds from that answer on. NaN would make every comparison false: such a report says nothing.
      if (!Number.isNaN(report.millis)) member.peerEndsAt = report.millis
      break
    }
    case "Capacity": {
      if (Number.isNaN(report.leases)) break
      member.capacity = Math.max(0, Math.floor(report.leases))
      if (state.isOpen(member)) {
        state.expect(member.capacity)
        if (member.capacity === 0) Ending.retire(state, member, "retired", out, "the peer takes no more")
        else Lending.settle(state, member, now, out)
      }
      break
    }
  }
  Pairing.pair(state, now, out)
}
