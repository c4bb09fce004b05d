import { connect, createServer, type Server } from "node:net"
import { Worker } from "node:worker_threads"
import { serve, usage } from "../protocol.ts"
import { converse } from "./conversation.ts"

/**
 * The server of the benchmark, one process. It parses no more of HTTP than it needs, so that it costs less than any client:
 * with a core for each, it is the client that decides how many requests there are.
 */

export interface Ports {
  /** Each answers. */
  readonly live: ReadonlyArray<number>
  /** Accepts connections and never answers. */
  readonly silent: number
  /** Its queue of connections is full: a SYN gets no answer (where the system drops it, as Linux does). */
  readonly deaf: number
}

const LIVE_HOSTS = 9

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", 1_024, () => {
      const address = server.address()
      if (address === null || typeof address === "string") reject(new Error("the server has no port"))
      else resolve(address.port)
    })
  })

/** More connections than the system completes for a server that asked for a queue of one. */
const FILLING = 4

/** A thread that listens and then never looks again; once its queue is full, the system drops what comes. */
const listenDeaf = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./deaf.js", import.meta.url))
    worker.once("error", reject)
    worker.once("message", (port: number) => {
      for (let opened = 0; opened < FILLING; opened += 1) connect(port, "127.0.0.1").on("error", () => undefined)
      resolve(port)
    })
  })

const live = await Promise.all(
  Array.from({ length: LIVE_HOSTS }, () => listen(createServer({ noDelay: true }, converse)))
)
const silent = await listen(createServer((socket) => socket.on("error", () => socket.destroy()).resume()))
const deaf = await listenDeaf()

serve({ live, silent, deaf } satisfies Ports, () => Promise.resolve(usage()))
