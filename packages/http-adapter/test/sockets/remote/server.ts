/**
 * The server's side of `remote.ts`: a plain server of Node's that tells what it holds when it is asked. The path of a request says
 * what becomes of it.
 */
import * as Http from "node:http"

/** What the server holds, and has held, since its start. */
export interface Counts {
  /** connections open now, the most at any instant, and all of them */
  readonly open: number
  readonly peak: number
  readonly accepted: number
  /** requests seen, health checks left out; and how many of them have neither been answered nor cut */
  readonly requests: number
  readonly pending: number
  /** health checks seen, and the most at any instant */
  readonly checks: number
  readonly peakChecks: number
}

/** How it is started: as JSON in its first argument. */
export interface Options {
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** how many connections may wait to be accepted; the kernel admits one more */
  readonly backlog?: number | undefined
  /** how long a health check takes */
  readonly checkMillis?: number | undefined
}

const options = JSON.parse(process.argv[2] ?? "{}") as Options
const counts = {
  open: 0,
  peak: 0,
  accepted: 0,
  requests: 0,
  pending: 0,
  checks: 0,
  peakChecks: 0
}

type Route = (request: Http.IncomingMessage, response: Http.ServerResponse, size: number, pause: number) => void

const block = Buffer.alloc(64 * 1024, "x")
const ignore = (): void => {}
const unread = new Set<Http.IncomingMessage>()

const send = (response: Http.ServerResponse, size: number, done: () => void): void => {
  const piece = block.subarray(0, Math.min(size, block.length))
  if (size === 0 || response.destroyed) done()
  else if (response.write(piece)) send(response, size - piece.length, done)
  else response.once("drain", () => send(response, size - piece.length, done))
}

/** By the first part of the path; the second is a size, the third a pause in milliseconds. */
const routes: Record<string, Route> = {
  /** so many bytes */
  bytes: (request, response, size) => {
    request.resume()
    response.setHeader("content-length", size)
    send(response, size, () => response.end())
  },
  /** the same in chunks, of which the second half comes later */
  chunks: (request, response, size, pause) => {
    request.resume()
    send(response, Math.floor(size / 2), () => setTimeout(() => send(response, size, () => response.end()), pause))
  },
  /** the length of what was received, once it is there */
  count: (request, response) => {
    let received = 0
    request.on("data", (chunk: Buffer) => {
      received += chunk.length
    })
    request.on("end", () => response.end(String(received)))
  },
  /** an answer after a pause */
  late: (request, response, size, pause) => {
    request.resume()
    setTimeout(() => response.end(block.subarray(0, size)), pause)
  },
  /** no answer */
  never: (request) => void request.resume(),
  /** neither an answer nor a reader, until it is told to read: without reading it sees no end either */
  unread: (request) => void unread.add(request),
  /** a head and so many bytes, and no more */
  half: (request, response, size) => {
    request.resume()
    response.setHeader("content-length", size + 1)
    response.flushHeaders()
    send(response, size, ignore)
  },
  /** so many bytes of more, and the end of the connection */
  broken: (request, response, size) => {
    request.resume()
    response.setHeader("content-length", size + 1)
    response.flushHeaders()
    send(response, size, () => request.socket.destroy())
  },
  /** an answer that does not wait for the body, and the end of the connection */
  early: (_, response) => void response.writeHead(413, { connection: "close" }).end("too large"),
  /** no answer, but a reset */
  reset: (request) => request.socket.resetAndDestroy()
}

const server = Http.createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
  const { method, url = "/" } = request
  request.on("error", ignore)
  response.on("error", ignore)
  if (method === "HEAD") {
    counts.checks++
    running++
    counts.peakChecks = Math.max(counts.peakChecks, running)
    response.once("close", () => running--)
    setTimeout(() => response.end(), options.checkMillis ?? 0)
    return
  }
  counts.requests++
  counts.pending++
  response.once("close", () => counts.pending--)
  const [, name = "", size = "0", pause = "0"] = url.split("/")
  const route = routes[name]
  if (route === undefined) response.writeHead(404).end()
  else route(request, response, Number(size), Number(pause))
})
let running = 0
server.on("connection", (socket) => {
  counts.open++
  counts.accepted++
  counts.peak = Math.max(counts.peak, counts.open)
  socket.once("close", () => counts.open--)
})
server.listen({ host: options.host ?? "127.0.0.1", port: options.port ?? 0, backlog: options.backlog ?? 4096 }, () => {
  const address = server.address()
  process.send?.({ port: address !== null && typeof address === "object" ? address.port : 0 })
})
process.on("message", (message) => {
  if (message === "counts") return process.send?.(counts)
  for (const request of unread) request.resume()
  unread.clear()
  return undefined
})
// With the test.
process.on("disconnect", () => process.exit())
