/** A peer that behaves as a test tells it, and records all that it receives. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { Listening, Where } from "./listening.ts"
import { listen } from "./listening.ts"
import type { Received } from "./requests.ts"
import { reader } from "./requests.ts"

/** One accepted connection, seen from the server's side. */
export interface Connection {
  /** counted from 0 */
  readonly index: number
  readonly socket: Net.Socket
  /** every byte received */
  readonly bytes: () => Buffer
  /** the requests received completely */
  readonly requests: ReadonlyArray<Received>
  /** has the client ended its side? */
  readonly ended: () => boolean
}

/** What a peer does at which moment. `onRequest` is called once for each complete request, `onBytes` for whatever arrives. */
export interface Behaviour {
  readonly onConnect?: (connection: Connection) => void
  readonly onBytes?: (connection: Connection) => void
  readonly onRequest?: (connection: Connection, request: Received) => void
  /** does not end its own side when the client ends */
  readonly staysHalfOpen?: boolean
}

export interface Peer extends Listening {
  readonly connections: ReadonlyArray<Connection>
  /** all requests received completely, over all connections */
  readonly requests: () => ReadonlyArray<Received>
  /** from now on, also on the connections that are open */
  readonly become: (behaviour: Behaviour) => void
}

/** Starts a peer, which ends with the scope. */
export const start = (behaviour: Behaviour, where: Where = {}): Effect.Effect<Peer, never, Scope.Scope> =>
  Effect.gen(function*() {
    let current = behaviour
    const connections: Array<Connection> = []
    const listening = yield* listen(where, (socket, index) => {
      const chunks: Array<Buffer> = []
      const requests: Array<Received> = []
      const read = reader()
      let ended = false
      const connection = { index, socket, bytes: () => Buffer.concat(chunks), requests, ended: () => ended }
      connections.push(connection)
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk)
        current.onBytes?.(connection)
        for (const request of read(chunk)) {
          requests.push(request)
          current.onRequest?.(connection, request)
        }
      })
      socket.once("end", () => {
        ended = true
        if (current.staysHalfOpen !== true) socket.end()
      })
      current.onConnect?.(connection)
    })
    return {
      ...listening,
      connections,
      requests: () => connections.flatMap((one) => one.requests),
      become: (next) => {
        current = next
      }
    }
  })
