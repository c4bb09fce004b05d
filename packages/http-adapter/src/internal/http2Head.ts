/** The head of a request as HTTP/2 has it: what HTTP/1.1 writes in its first line becomes headers, what concerns its connection goes. PURE. */
import type { OutgoingHttpHeaders } from "node:http2"
import { RequestInvalid } from "../HttpError.ts"
import type { WireRequest } from "./connection.ts"
import type { RawHeaders } from "./head.ts"

/** They speak of a connection of HTTP/1.1; HTTP/2 takes a request that has one for malformed. */
const ofConnections: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "host"
])

/** What it says to whom. */
export interface Place {
  readonly scheme: string
  readonly authority: string
}

/** What Node can send. Instead of more it ends the session, and all that is on it. */
const most = 64 * 1024

/** Throws when there is more of it than HTTP/2 can send. */
export const http2HeadersOf = ({ body, headers, method, path }: WireRequest, place: Place): OutgoingHttpHeaders => {
  const out: OutgoingHttpHeaders = {
    ":method": method,
    ":authority": headers["host"] ?? place.authority,
    ":scheme": place.scheme,
    ":path": path
  }
  let size = method.length + path.length
  const nominated = headers["connection"]?.toLowerCase().split(/[\s,]+/)
  for (const name in headers) {
    if (ofConnections.has(name) || nominated?.includes(name)) continue
    // the one header of that kind that is left, with the one value that is
    if (name === "te" && headers[name] !== "trailers") continue
    const value = headers[name] ?? ""
    size += name.length + value.length + 32
    out[name] = value
  }
  if (size > most) {
    throw new RequestInvalid({
      field: "the head of the request",
      value: `${size} bytes`,
      allowed: `at most ${most} bytes over HTTP/2`
    })
  }
  if (out["content-length"] === undefined && (typeof body === "string" || body instanceof Uint8Array)) {
    out["content-length"] = String(Buffer.byteLength(body))
  }
  return out
}

/** As RFC 9113 counts the size of a head: each field takes 32 bytes besides its own. */
export const sizeOf = (raw: RawHeaders): number => {
  let size = 0
  for (const one of raw) size += one.length + 16
  return size
}
