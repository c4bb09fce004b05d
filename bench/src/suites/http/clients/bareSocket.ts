import { connect, type Socket } from "node:net"
import { expectAnswer } from "../answer.ts"
import type { Requests } from "../protocol.ts"
import { type Client, nothingToFinish } from "./client.ts"

/**
 * The limit: sockets and callbacks, no pool, no parser of HTTP. It knows how long the answer is, and gives up on everything
 * else. One socket for each caller, opened before and closed after the requests.
 */
export const bareSocket = (): Client => ({
  requests: (work) => allCallers(work).then(() => nothingToFinish),
  download: (work) =>
    new Promise((resolve, reject) => {
      let received = 0
      let body = -1
      const socket = open(work.url, reject)
      socket.on("data", (chunk) => {
        received += chunk.length
        if (body === -1) body = received - chunk.length + chunk.indexOf("\r\n\r\n") + 4
        if (received - body >= work.bytes) {
          socket.destroy()
          resolve(received - body)
        }
      })
      socket.write(head("GET", work.url))
    })
})

const open = (url: string, onError: (error: Error) => void): Socket => {
  const { hostname, port } = new URL(url)
  return connect({ host: hostname, port: Number(port), noDelay: true }).on("error", onError)
}

const head = (method: string, url: string, length?: number): string => {
  const { host, pathname } = new URL(url)
  const declared = length === undefined ? "" : `content-length: ${length}\r\n`
  return `${method} ${pathname} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n${declared}\r\n`
}

const allCallers = (work: Requests): Promise<void> =>
  new Promise((resolve, reject) => {
    let started = 0
    let open_ = work.callers
    const next = (): boolean => {
      started += 1
      return started <= work.requests
    }
    const ended = (): void => {
      open_ -= 1
      if (open_ === 0) resolve()
    }
    for (let caller = 0; caller < work.callers; caller += 1) {
      callerOf(work, work.urls[caller % work.urls.length] ?? "", next, ended, reject)
    }
  })

const callerOf = (
  work: Requests,
  url: string,
  next: () => boolean,
  ended: () => void,
  failed: (error: Error) => void
): void => {
  const request = work.postBytes === 0
    ? Buffer.from(head("GET", url))
    : Buffer.concat([Buffer.from(head("POST", url, work.postBytes)), Buffer.alloc(work.postBytes)])
  const socket = open(url, failed)
  const send = (): void => {
    if (next()) socket.write(request)
    else socket.end()
  }
  socket.on("connect", send)
  socket.on("close", ended)
  socket.on("data", (chunk) => {
    // The server answers in one write: what does not parse was split, and the benchmark fails.
    expectAnswer(JSON.parse(chunk.toString("utf8", chunk.indexOf("\r\n\r\n") + 4)))
    send()
  })
}
