/** One effort to get one more connection: an attempt at an address, raced and followed by attempts at others. PURE. */
import type { Endpoint } from "./addresses.ts"
import type { Member } from "./member.ts"
import type { Waiter } from "./waiters.ts"

/** Why an attempt, or the search for addresses, failed; `error` is opaque here. */
export interface Failure {
  readonly error: unknown
  readonly fault: "peer" | "local"
}

export class Dial {
  /** the caller it was started for, who gets its failure */
  owner: Waiter | undefined = undefined
  readonly tried = new Set<Endpoint>()
  readonly attempts = new Set<Member>()
  /** told when it has ended; for connections that no waiter asked for */
  readonly ended: ((failure: Failure | undefined) => void) | undefined

  constructor(ended?: (failure: Failure | undefined) => void) {
    this.ended = ended
  }
}
