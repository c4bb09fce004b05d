/** One connection's life outside the state: its scope, which is its socket, and the fiber that dials it. */
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Host } from "./core.ts"
import type { Endpoint } from "./state/addresses.ts"
import type { Dial } from "./state/dial.ts"
import { Member } from "./state/member.ts"
import type { Timer } from "./timekeeper.ts"

export class Connection<in out K, in out Conn, in out E> extends Member {
  readonly host: Host<K, Conn, E>
  /** what the connector opened; set before the state learns that it is open */
  value: Conn | undefined = undefined
  /** closing it closes the socket */
  scope: Scope.CloseableScope | undefined = undefined
  /** the fiber that dials or checks it */
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined = undefined
  /** the time limit on what is being done to it: connect, close, check */
  deadline: Timer | undefined = undefined

  /** what there is to say about it while it is being dialed */
  describe: (() => string) | undefined = undefined

  constructor(host: Host<K, Conn, E>, id: number, endpoint: Endpoint, dial: Dial | undefined, now: number) {
    super(id, endpoint, dial, now)
    this.host = host
  }
}
