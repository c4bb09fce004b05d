import type { Socket } from "node:net"
import { ANSWER } from "../answer.ts"

const BLANK_LINE = "\r\n\r\n"

/** The headers that Node's own server sends. */
const headers = (type: string, length: number): string =>
  [
    "HTTP/1.1 200 OK",
    `Content-Type: ${type}`,
    `Content-Length: ${length}`,
    "Date: Fri, 02 Jan 2026 03:04:05 GMT",
    "Connection: keep-alive",
    "Keep-Alive: timeout=600"
  ].join("\r\n") + BLANK_LINE

const HEAD_ONLY = Buffer.from(headers("application/json", Buffer.byteLength(ANSWER)))
/** One write, and so one packet. */
const JSON_ANSWER = Buffer.concat([HEAD_ONLY, Buffer.from(ANSWER)])

/** Large enough that the client, and not the number of writes, decides how fast a download is. */
const PIECE = Buffer.alloc(1_048_576, "watertight ")

const sendBytes = (socket: Socket, bytes: number): void => {
  socket.write(headers("application/octet-stream", bytes))
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE
      left -= piece.length
      if (!socket.write(piece)) break
    }
    if (left > 0) socket.once("drain", more)
  }
  more()
}

const bodyLength = (head: string): number => {
  if (/\r\ntransfer-encoding:/i.test(head)) {
    throw new Error("the benchmark's server takes bodies of a known length only")
  }
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
}

const answer = (socket: Socket, head: string): void => {
  if (head.startsWith("GET /download/")) return sendBytes(socket, Number(/^GET \/download\/(\d+) /.exec(head)?.[1]))
  socket.write(head.startsWith("HEAD ") ? HEAD_ONLY : JSON_ANSWER)
  if (/\r\nconnection: *close/i.test(head)) socket.end()
}

/** One connection: request after request, each answered when its body is in. */
export const converse = (socket: Socket): void => {
  let pending: Buffer | undefined
  let head = ""
  let bodyLeft = 0
  const read = (chunk: Buffer): void => {
    if (bodyLeft === 0) {
      const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
      const end = bytes.indexOf(BLANK_LINE)
      if (end === -1) {
        pending = bytes
        return
      }
      pending = undefined
      head = bytes.toString("latin1", 0, end)
      bodyLeft = head.startsWith("P") ? bodyLength(head) : 0
      bodyLeft -= bytes.length - end - BLANK_LINE.length
    } else {
      bodyLeft -= chunk.length
    }
    if (bodyLeft < 0) throw new Error("the benchmark's server does not take pipelined requests")
    if (bodyLeft === 0) answer(socket, head)
  }
  socket.on("data", read)
  socket.on("error", () => socket.destroy())
}
