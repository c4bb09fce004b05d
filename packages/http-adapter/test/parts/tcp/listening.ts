/** A listening socket of this process, whose connections are counted on its own side and end with the scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { untilEqual } from "../waiting.ts"

/** Where it listens: on a free port of this address (127.0.0.1 by default), or on a Unix socket. */
export interface Where {
  readonly host?: string
  /** the same port as another server, on another address */
  readonly port?: number
  readonly path?: string
}

export interface Listening {
  readonly port: number
  readonly origin: string
  /** how many connections it has accepted */
  readonly accepted: () => number
  /** how many of them are open */
  readonly open: () => number
  readonly awaitOpen: (expected: number) => Effect.Effect<void>
}

/** Starts to listen. `onConnection` gets every connection with its number, counted from 0. */
export const listen = (
  where: Where,
  onConnection: (socket: Net.Socket, index: number) => void
): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    let accepted = 0
    const host = where.host ?? "127.0.0.1"
    const server = yield* Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        // Half-open, since a fault may be to go on after the client has ended, or to end and go on listening.
        const made = Net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
          sockets.add(socket)
          socket.once("close", () => sockets.delete(socket))
          // What a broken connection throws is no business of the test: it looks at the other side.
          socket.on("error", () => undefined)
          onConnection(socket, accepted++)
        })
        made.once("error", (error) => resume(Effect.die(error)))
        const to = where.path === undefined ? { host, port: where.port ?? 0, backlog: 4096 } : { path: where.path }
        made.listen(to, () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.async<void>((resume) => {
          made.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    const address = server.address()
    const port = address !== null && typeof address === "object" ? address.port : 0
    const open = () => sockets.size
    return {
      port,
      origin: where.path === undefined ? `http://${host}:${port}` : "http://localhost",
      accepted: () => accepted,
      open,
      awaitOpen: (expected) => untilEqual("open connections on the server's side", Effect.sync(open), expected)
    }
  })
