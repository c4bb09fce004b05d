import { createServer } from "node:net"
import { parentPort } from "node:worker_threads"

const server = createServer()
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the deaf server has no port")
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port between threads has no origin
  parentPort?.postMessage(address.port)
  // Nothing of this thread runs any more, so nobody is ever accepted.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
