/** A peer of HTTP/2 that sends whatever a test wants, frame by frame, and remembers what it gets. */
import { Effect, type Scope } from "effect"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Identity } from "../parts/certificates.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import * as Frames from "./frames.ts"

const { Type } = Frames

export class RawSession {
  readonly socket: Net.Socket
  readonly frames: Array<Frames.Frame> = []
  /** streams that were begun, in order */
  readonly streams: Array<number> = []
  closed = false
  /** it answers neither SETTINGS nor PINGs any more */
  silent = false

  constructor(socket: Net.Socket) {
    this.socket = socket
  }

  send(...frames: ReadonlyArray<Buffer>): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames))
  }

  ofType(type: number): ReadonlyArray<Frames.Frame> {
    return this.frames.filter((frame) => frame.type === type)
  }

  /** the codes with which the client has reset streams */
  get resets(): ReadonlyArray<readonly [stream: number, code: number]> {
    return this.ofType(Type.reset).map(({ payload, stream }) => [stream, payload.readUInt32BE()] as const)
  }
}

/** What is to happen: each may send, or close the socket. */
export interface Script {
  /** The connection is there. By default it sends its settings. */
  readonly begin?: (session: RawSession) => void
  /** A request has come, up to the end of its head. */
  readonly request?: (session: RawSession, stream: number) => void
  /** Any frame has come. */
  readonly frame?: (session: RawSession, frame: Frames.Frame) => void
}

export interface RawPeer {
  readonly url: string
  readonly sessions: ReadonlyArray<RawSession>
  readonly open: () => number
  readonly become: (script: Script) => void
  /** so many requests have come, over all sessions */
  readonly awaitRequests: (expected: number) => Effect.Effect<void>
  readonly awaitOpen: (expected: number) => Effect.Effect<void>
  /** The n-th session, when it is there. */
  readonly session: (n: number) => Effect.Effect<RawSession>
}

/** With a certificate it has TLS, and no other protocol than HTTP/2. */
export const rawPeer = (first: Script = {}, tls?: Identity): Effect.Effect<RawPeer, never, Scope.Scope> =>
  Effect.gen(function*() {
    let script = first
    const sessions: Array<RawSession> = []
    const open = (): number => sessions.filter(({ closed }) => !closed).length
    const onSocket = (socket: Net.Socket): void => {
      const session = new RawSession(socket)
      sessions.push(session)
      socket
        .on("error", () => {})
        .on("close", () => {
          session.closed = true
        })
        .on(
          "data",
          Frames.reader((frame) => {
            session.frames.push(frame)
            if (!session.silent && frame.type === Type.settings && !Frames.isAck(frame)) {
              session.send(Frames.settingsAck)
            }
            if (!session.silent && frame.type === Type.ping && !Frames.isAck(frame)) {
              session.send(Frames.ping(frame.payload, true))
            }
            script.frame?.(session, frame)
            if (frame.type !== Type.headers) return
            session.streams.push(frame.stream)
            script.request?.(session, frame.stream)
          })
        )
      if (script.begin === undefined) session.send(Frames.settings())
      else script.begin(session)
    }
    const server = yield* Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const made = tls === undefined
          ? Net.createServer({ noDelay: true }, onSocket)
          : Tls.createServer({ cert: tls.certificate, key: tls.key, ALPNProtocols: ["h2"] }, onSocket)
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.async<void>((resume) => {
          made.close(() => resume(Effect.void))
          for (const { socket } of sessions) socket.destroy()
        })
    )
    // a port of a server over TCP
    const { port } = server.address() as Net.AddressInfo
    const requests = Effect.sync(() => sessions.reduce((sum, { streams }) => sum + streams.length, 0))
    return {
      url: tls === undefined ? `http://127.0.0.1:${port}` : `https://127.0.0.1:${port}`,
      sessions,
      open,
      become: (next) => {
        script = next
      },
      awaitRequests: (expected) => untilEqual("requests", requests, expected),
      awaitOpen: (expected) => untilEqual("open sessions", Effect.sync(open), expected),
      session: (n) =>
        Effect.map(
          until(`session ${n}`, Effect.sync(() => sessions.length > n)),
          () => sessions[n] ?? new RawSession(new Net.Socket())
        )
    }
  })

/** Answers with what it was given, in one piece. */
export const answers = (text: string): Script => ({
  request: (session, stream) => session.send(Frames.headers(stream), Frames.data(stream, text, true))
})

/** Accepts, and never says what it can carry. */
export const saysNothing: Script = {
  begin: (session) => {
    session.silent = true
  }
}
