/** The server: HTTP/1.1 and HTTP/2 without TLS, each on a port. It says over which of its connections it was asked, or nothing at `/never`. */
import { once } from "node:events"
import * as Http from "node:http"
import * as Http2 from "node:http2"
import type * as Net from "node:net"

/** Where it listens, told once it does. */
export interface Ports {
  readonly http1: number
  readonly http2: number
}

let connections = 0
const numbers = new WeakMap<object, number>()
const numberOf = (connection: object): string => {
  const known = numbers.get(connection) ?? ++connections
  numbers.set(connection, known)
  return String(known)
}

const old = Http.createServer({ keepAliveTimeout: 0 }, (request, response) => response.end(numberOf(request.socket)))

const next = Http2.createServer()
next.on("session", (session) => session.on("error", () => {}))
next.on("stream", (stream, headers) => {
  stream.on("error", () => {})
  if (headers[":path"] === "/never") return
  stream.respond({ ":status": 200 })
  stream.end(stream.session === undefined ? "" : numberOf(stream.session))
})

const listen = async (server: Net.Server): Promise<number> => {
  await once(server.listen(0, "0.0.0.0"), "listening")
  const address = server.address()
  return address === null || typeof address === "string" ? 0 : address.port
}

const ports: Ports = { http1: await listen(old), http2: await listen(next) }
process.send?.(ports)
process.once("disconnect", () => process.exit())
