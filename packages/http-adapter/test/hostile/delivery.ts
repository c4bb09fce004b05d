/** Packets of a peer, and what the client of this process has made of them so far. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Channel from "node:diagnostics_channel"
import type * as Net from "node:net"
import type { Connection } from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"

/** The sockets that this process has connected and that are open. */
export type Clients = () => ReadonlyArray<Net.Socket>

/** Knows them while the scope is open. */
export const watchClients: Effect.Effect<Clients, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const sockets = new Set<Net.Socket>()
      // Node tells of each socket that connects. What it tells is an object with the socket.
      const onSocket = (message: unknown): void => {
        const { socket } = message as { readonly socket: Net.Socket }
        sockets.add(socket)
        socket.once("close", () => sockets.delete(socket))
      }
      Channel.subscribe("net.client.socket", onSocket)
      return { sockets, onSocket }
    }),
    ({ onSocket }) => Effect.sync(() => Channel.unsubscribe("net.client.socket", onSocket))
  ),
  ({ sockets }) => () => [...sockets]
)

/** The client's end of a connection, as long as it is open. */
const clientOf = (clients: Clients, connection: Connection | undefined): Net.Socket | undefined =>
  clients().find(({ localPort }) => localPort === connection?.socket.remotePort)

/** Sends each piece in a turn of the loop of its own. What the client has closed before is no matter. */
export const send = ({ socket }: Connection, pieces: ReadonlyArray<Uint8Array>): Effect.Effect<void> =>
  Effect.async((resume) => {
    const write = (index: number): void => {
      const piece = pieces[index]
      if (piece === undefined || socket.destroyed) resume(Effect.void)
      else socket.write(piece, () => setImmediate(() => write(index + 1)))
    }
    write(0)
  })

/** The client has read all that was sent on the connection, or has closed it. */
export const delivered = (clients: Clients, connection: Connection): Effect.Effect<void> =>
  until(
    "all packets are read",
    Effect.sync(() => {
      const client = clientOf(clients, connection)
      return client === undefined || client.destroyed || client.bytesRead === connection.socket.bytesWritten
    })
  )

/** The client takes nothing more from its socket, although a whole buffer of it waits there. */
export const paused = (clients: Clients, connection: () => Connection | undefined): Effect.Effect<void> =>
  until(
    "the connection waits for a reader",
    Effect.sync(() => {
      const client = clientOf(clients, connection())
      return client !== undefined && client.readableLength >= client.readableHighWaterMark
    })
  )
