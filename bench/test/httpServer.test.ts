import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { ANSWER } from "../src/suites/http/answer.ts"
import { converse } from "../src/suites/http/server/conversation.ts"

const open = async (): Promise<Socket> => {
  const server = createServer(converse)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const socket = connect(address.port, "127.0.0.1")
  onTestFinished(() => {
    socket.destroy()
    server.close()
  })
  return socket
}

/** What comes until it ends with `end`. */
const until = async (socket: Socket, end: string): Promise<string> => {
  let text = ""
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (text.endsWith(end)) return text
  }
  return text
}

test("the server of the benchmark answers a head and a body that come in pieces, on one connection", async () => {
  const socket = await open()
  const pieces = [
    "GET /json HTTP/1.1\r\nho",
    "st: a\r\n\r",
    "\n",
    "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc",
    "def"
  ]
  const answers = [undefined, undefined, ANSWER, undefined, ANSWER]
  for (const [index, piece] of pieces.entries()) {
    socket.write(piece)
    const answer = answers[index]
    if (answer === undefined) await new Promise(setImmediate)
    else expect(await until(socket, answer)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  }
})

test("it sends as many bytes as a download asks for, and none of the body to HEAD", async () => {
  const socket = await open()
  socket.write("HEAD /json HTTP/1.1\r\n\r\n")
  expect(await until(socket, "\r\n\r\n")).toContain(`Content-Length: ${ANSWER.length}`)
  socket.write("GET /download/3000000 HTTP/1.1\r\n\r\n")
  let received = 0
  for await (const chunk of socket) {
    received += (chunk as Buffer).length
    if (received > 3_000_000) break
  }
  expect(received).toBeGreaterThan(3_000_000)
  expect(received).toBeLessThan(3_000_500)
})

test("it closes the connection when it is asked to", async () => {
  const socket = await open()
  socket.write("GET /json HTTP/1.1\r\nConnection: close\r\n\r\n")
  expect(await until(socket, "never")).toContain(ANSWER)
})
