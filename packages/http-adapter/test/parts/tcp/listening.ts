/** A listening socket of this process, whose connections are counted on its own side and end with the scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Identity } from "../certificates.ts"
import { untilEqual } from "../waiting.ts"

/** Where it listens: on a free port of this address (127.0.0.1 by default), or on a Unix socket. */
export interface Where {
  readonly host?: string
  /** the same port as another server, on another address */
  readonly port?: number
  readonly path?: string
  /** with TLS, as this identity */
  readonly tls?: Identity
  /** with TLS: clients have to show a certificate of this authority */
  readonly clientAuthority?: string
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

/** Starts to listen. `onConnection` gets every connection, once it is ready to be read, with its number, counted from 0. */
export const listen = (
  where: Where,
  onConnection: (socket: Net.Socket, index: number) => void
): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    let accepted = 0
    let ready = 0
    const host = where.host ?? "127.0.0.1"
    // Below TLS, if there is any: a connection that breaks in its handshake counts as well.
    const track = (socket: Net.Socket) => {
      accepted++
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    }
    const accept = (socket: Net.Socket) => {
      // What a broken connection throws is no business of the test: it looks at the other side.
      socket.on("error", () => undefined)
      onConnection(socket, ready++)
    }
    const server = yield* Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        // Half-open, since a fault may be to go on after the client has ended, or to end and go on listening.
        const made = where.tls === undefined
          ? Net.createServer({ allowHalfOpen: true, noDelay: true }, accept)
          : Tls.createServer({
            noDelay: true,
            cert: where.tls.certificate,
            key: where.tls.key,
            ...where.clientAuthority === undefined ? {} : { requestCert: true, ca: where.clientAuthority }
          }, accept)
        made.on("connection", track)
        made.on("tlsClientError", (_, socket: Net.Socket) => socket.destroy())
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
      origin: where.path === undefined
        ? `${where.tls === undefined ? "http" : "https"}://${host}:${port}`
        : "http://localhost",
      accepted: () => accepted,
      open,
      awaitOpen: (expected) => untilEqual("open connections on the server's side", Effect.sync(open), expected)
    }
  })
