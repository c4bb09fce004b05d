/** Ways for a peer to behave, good and bad. */
import type { Behaviour, Connection } from "./peer.ts"
import type { Received } from "./requests.ts"

/** A response with its length, after which the connection stays open. */
export const response = (body: string | Buffer = "ok", status = "200 OK", headers = ""): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`),
    Buffer.from(body)
  ])

// To a HEAD the same, without the body.
const responseTo = ({ method }: Received, bytes: Buffer): Buffer =>
  method === "HEAD" ? bytes.subarray(0, bytes.indexOf("\r\n\r\n") + 4) : bytes

/** Answers every request and keeps the connection: with "ok", or with what the test makes of the request. */
export const answers = (
  answer: (request: Received, connection: Connection) => Buffer = () => response()
): Behaviour => ({
  onRequest: (connection, request) => void connection.socket.write(responseTo(request, answer(request, connection)))
})

/** Accepts, reads, and never says a word. */
export const neverAnswers: Behaviour = {}

/** Accepts and resets. */
export const resetsOnAccept: Behaviour = { onConnect: ({ socket }) => void socket.resetAndDestroy() }

/** Accepts and ends. */
export const endsOnAccept: Behaviour = { onConnect: ({ socket }) => void socket.end() }

/** How a connection ends: with a FIN, or with a reset. */
export type End = "end" | "reset"

// A reset that comes together with data looks like an end to Node: two turns of the loop let a client of this process read first.
const resetBehindData = ({ socket }: Connection) => {
  setImmediate(() => setImmediate(() => socket.resetAndDestroy()))
}

const close = ({ socket }: Connection, how: End) => {
  if (how === "reset") socket.resetAndDestroy()
  else socket.destroy()
}

/**
 * The race of keep-alive: it answers so many requests on a connection and says nothing of closing it; when the next one arrives, it
 * closes without an answer.
 */
export const closesAsRequestArrives = (afterRequests: number, how: End = "reset"): Behaviour => ({
  onRequest: (connection, request) => {
    if (connection.requests.length > afterRequests) close(connection, how)
    else connection.socket.write(responseTo(request, response()))
  }
})

/** The same race from the other side: it closes behind its last answer, so that the next request may be on its way already. */
export const closesBehindAnswer = (afterRequests: number, how: End = "end"): Behaviour => ({
  onRequest: (connection, request) => {
    const isLast = connection.requests.length >= afterRequests
    // Not `destroy` for a plain end: that could overtake the answer.
    if (isLast && how === "end") connection.socket.end(responseTo(request, response()))
    else connection.socket.write(responseTo(request, response()))
    if (isLast && how === "reset") resetBehindData(connection)
  }
})

/** Closes as soon as the first bytes of a request are there, even if the request is not complete. */
export const closesOnBytes = (how: End = "reset"): Behaviour => ({ onBytes: (connection) => close(connection, how) })

/** Behaves so, but each request is seen so much later. */
export const delayed = (millis: number, behaviour: Behaviour = answers()): Behaviour => ({
  ...behaviour,
  onRequest: (connection, request) => void setTimeout(() => behaviour.onRequest?.(connection, request), millis)
})

/** Holds every request back until the test opens the gate, then behaves so. */
export const gated = (
  behaviour: Behaviour = answers()
): { readonly behaviour: Behaviour; readonly open: () => void } => {
  const held: Array<() => void> = []
  let isOpen = false
  return {
    behaviour: {
      ...behaviour,
      onRequest: (connection, request) => {
        const go = () => behaviour.onRequest?.(connection, request)
        if (isOpen) go()
        else held.push(go)
      }
    },
    open: () => {
      isOpen = true
      for (const go of held.splice(0)) go()
    }
  }
}

/** Answers, ends its own side, and goes on reading what the client sends. */
export const halfCloses: Behaviour = {
  onRequest: (connection, request) => {
    if (connection.socket.writable) connection.socket.end(responseTo(request, response()))
  },
  staysHalfOpen: true
}

/** Answers every request with these very bytes, each piece in a write of its own, and then goes on, ends or resets. */
export const raw = (pieces: ReadonlyArray<string | Buffer>, then: End | "stay" = "stay"): Behaviour => ({
  onRequest: (connection) => {
    const write = (index: number): void => {
      const piece = pieces[index]
      // The next turn of the loop, so that the pieces leave one by one.
      if (piece !== undefined) connection.socket.write(piece, () => setImmediate(() => write(index + 1)))
      else if (then === "end") connection.socket.end()
      else if (then === "reset") resetBehindData(connection)
    }
    write(0)
  }
})

/** Says this before it was asked anything, and answers requests as told. */
export const speaksFirst = (bytes: string | Buffer, behaviour: Behaviour = answers()): Behaviour => ({
  ...behaviour,
  onConnect: ({ socket }) => void socket.write(bytes)
})
