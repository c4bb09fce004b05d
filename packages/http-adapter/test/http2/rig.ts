/** Servers of Node's own that speak HTTP/2, and the client on a pool that takes it for granted that they do. */
import type { PoolError } from "@watertight/pool"
import { Effect, type Scope } from "effect"
import * as Http2 from "node:http2"
import type { AddressInfo } from "node:net"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { type Ours, ours } from "../client/rig.ts"
import { until, untilEqual } from "../parts/waiting.ts"

export interface Site {
  readonly url: string
  /** every session that there was, in order */
  readonly sessions: ReadonlyArray<Http2.ServerHttp2Session>
  /** sessions that are open */
  readonly open: () => number
  /** streams that are open */
  readonly streams: () => number
  /** the most streams that were open at once */
  readonly peak: () => number
  /** with which codes streams ended */
  readonly codes: ReadonlyArray<number>
  /** so many sessions are open */
  readonly awaitOpen: (expected: number) => Effect.Effect<void>
  /** so many streams are open */
  readonly awaitStreams: (expected: number) => Effect.Effect<void>
}

export type Answer = (stream: Http2.ServerHttp2Stream, headers: Http2.IncomingHttpHeaders) => void

/** How a server begins: without TLS, on a free port of loopback. */
const listen = (server: Http2.Http2Server | Http2.Http2SecureServer) =>
  Effect.async<number>((resume) => {
    // a port of a server over TCP
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

/** A server that ends with the scope. With a certificate it has TLS, and HTTP/1.1 for those who do not speak HTTP/2. */
export const serve = (
  answer: Answer,
  options: Http2.ServerOptions & { readonly tls?: { readonly certificate: string; readonly key: string } } = {}
): Effect.Effect<Site, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sessions: Array<Http2.ServerHttp2Session> = []
    const codes: Array<number> = []
    let open = 0
    let streams = 0
    let peak = 0
    const { tls, ...rest } = options
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        tls === undefined
          ? Http2.createServer(rest)
          : Http2.createSecureServer({ ...rest, cert: tls.certificate, key: tls.key, allowHTTP1: true })
      ),
      (made) =>
        Effect.async<void>((resume) => {
          made.close(() => resume(Effect.void))
          for (const session of sessions) if (!session.destroyed) session.destroy()
        })
    )
    server.on("session", (session) => {
      sessions.push(session)
      open++
      session.on("error", () => {}).once("close", () => open--)
    })
    server.on("stream", (stream, headers) => {
      streams++
      peak = Math.max(peak, streams)
      stream.on("error", () => {}).once("close", () => {
        streams--
        codes.push(stream.rstCode)
      })
      answer(stream, headers)
    })
    const port = yield* listen(server)
    return {
      url: `${tls === undefined ? "http" : "https"}://${tls === undefined ? "127.0.0.1" : "localhost"}:${port}`,
      sessions,
      codes,
      open: () => open,
      streams: () => streams,
      peak: () => peak,
      awaitOpen: (expected) => untilEqual("open sessions", Effect.sync(() => open), expected),
      awaitStreams: (expected) => untilEqual("open streams", Effect.sync(() => streams), expected)
    }
  })

/** Says what it was asked for. */
export const echo: Answer = (stream, headers) => {
  stream.respond({ ":status": 200, "content-type": "text/plain" })
  stream.end(String(headers[":path"]))
}

/** Reads what it gets, and then answers. */
export const afterBody = (stream: Http2.ServerHttp2Stream, then: (body: Buffer) => void): void => {
  const pieces: Array<Buffer> = []
  stream.on("data", (piece: Buffer) => pieces.push(piece)).on("end", () => then(Buffer.concat(pieces)))
}

/** The client, for servers that speak HTTP/2 without TLS. */
export const http2 = (
  options: Partial<HttpAdapterConfig.Options> = {}
): Effect.Effect<Ours, PoolError.ConfigInvalid, Scope.Scope> => ours({ http2: "always", ...options })

/** Waits until nothing is at work, and connections are left as expected. */
export const quiet = ({ pool }: Ours, total: number): Effect.Effect<void> =>
  until(
    `${total} connections are idle, and nothing is at work`,
    Effect.map(pool.stats, (stats) =>
      stats.idle === total && stats.total === total && stats.closing + stats.connecting + stats.waiting === 0)
  )
