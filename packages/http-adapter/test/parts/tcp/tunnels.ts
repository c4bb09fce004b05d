/** A proxy of this process that makes tunnels: every name leads to 127.0.0.1. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Listening, Where } from "./listening.ts"
import { listen } from "./listening.ts"

export interface Tunnels extends Listening {
  /** the heads of all that was asked for */
  readonly asked: ReadonlyArray<string>
}

/** How it answers: `tell` writes to the client, `open` connects it to the host. */
export type Answer = (tell: (text: string) => void, open: () => void, socket: Net.Socket) => void

const agrees: Answer = (tell, open) => {
  tell("HTTP/1.1 200 Connection established\r\n\r\n")
  open()
}

/** Starts a proxy, which ends with the scope. */
export const start = (where: Where = {}, answer: Answer = agrees): Effect.Effect<Tunnels, never, Scope.Scope> =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const servers = new Set<Net.Socket>()
    yield* Effect.addFinalizer(() => Effect.sync(() => servers.forEach((server) => server.destroy())))
    const listening = yield* listen(where, (client) => {
      let head = ""
      const read = (chunk: Buffer): void => {
        head += chunk.toString("latin1")
        if (!head.includes("\r\n\r\n")) return
        client.off("data", read)
        asked.push(head)
        const port = Number(/^CONNECT \S+:(\d+) /u.exec(head)?.[1])
        answer((text) => client.write(text, "latin1"), () => {
          const server = Net.connect({ host: "127.0.0.1", port, noDelay: true })
          servers.add(server)
          server.on("error", () => client.destroy()).once("close", () => {
            servers.delete(server)
            client.destroy()
          })
          client.once("close", () => server.destroy())
          client.pipe(server).pipe(client)
        }, client)
      }
      client.on("data", read)
    })
    return { ...listening, asked }
  })
