/** The requests in a stream of bytes: just enough of HTTP/1.1 to count and record what a client has sent. */

export interface Received {
  readonly method: string
  readonly target: string
  /** by lower-case name */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const headEnd = Buffer.from("\r\n\r\n")

const parseHead = (head: string): Omit<Received, "body"> => {
  const [first = "", ...lines] = head.split("\r\n")
  const [method = "", target = ""] = first.split(" ")
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(":")
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { method, target, headers }
}

interface Cut {
  readonly body: Buffer
  readonly rest: Buffer
}

const cutChunked = (bytes: Buffer): Cut | undefined => {
  const parts: Array<Buffer> = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16)
    const from = lineEnd + 2
    if (bytes.length < from + size + 2) return undefined
    at = from + size + 2
    // Trailers are not understood: none of the clients here sends any.
    if (size === 0) return { body: Buffer.concat(parts), rest: bytes.subarray(at) }
    parts.push(bytes.subarray(from, from + size))
  }
}

const cutBody = (headers: Received["headers"], bytes: Buffer): Cut | undefined => {
  if (headers["transfer-encoding"] === "chunked") return cutChunked(bytes)
  const length = Number(headers["content-length"] ?? 0)
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), rest: bytes.subarray(length) }
}

/** Takes the next complete request from the bytes, if there is one. */
const next = (bytes: Buffer): { readonly request: Received; readonly rest: Buffer } | undefined => {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const head = parseHead(bytes.toString("latin1", 0, end))
  const cut = cutBody(head.headers, bytes.subarray(end + headEnd.length))
  return cut === undefined ? undefined : { request: { ...head, body: cut.body }, rest: cut.rest }
}

/** Collects the bytes of one connection; each call returns the requests that have become complete. */
export const reader = (): (chunk: Buffer) => ReadonlyArray<Received> => {
  let pending: Buffer = Buffer.alloc(0)
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    const complete: Array<Received> = []
    for (let one = next(pending); one !== undefined; one = next(pending)) {
      complete.push(one.request)
      pending = one.rest
    }
    return complete
  }
}
