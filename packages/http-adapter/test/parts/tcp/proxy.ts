/** A proxy in front of a real server, which can stop the bytes, cut the connections, and turn new ones away. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { End } from "./faults.ts"
import type { Listening, Where } from "./listening.ts"
import { listen } from "./listening.ts"

export interface Proxy extends Listening {
  /** Nothing gets through any more, in either direction, and nobody is told: like a network that loses all packets. */
  readonly hold: () => void
  readonly resume: () => void
  /** breaks every connection that is open, on both sides */
  readonly cut: (how: End) => void
  /** resets every new connection at once, or accepts again */
  readonly refuse: (refusing: boolean) => void
  /** all bytes that clients have sent, by connection */
  readonly received: ReadonlyArray<() => Buffer>
}

/** Starts a proxy to a server, which ends with the scope. */
export const start = (to: Net.NetConnectOpts, where: Where = {}): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pairs = new Set<readonly [Net.Socket, Net.Socket]>()
    const received: Array<() => Buffer> = []
    let held = false
    let refusing = false
    yield* Effect.addFinalizer(() => Effect.sync(() => pairs.forEach(([, server]) => server.destroy())))
    const forward = (from: Net.Socket, into: Net.Socket) => {
      from.on("data", (chunk: Buffer) => {
        if (!into.write(chunk)) from.pause()
      })
      into.on("drain", () => !held && from.resume())
      from.once("end", () => into.end())
      from.once("close", () => into.destroySoon())
    }
    const listening = yield* listen(where, (client) => {
      if (refusing) return client.resetAndDestroy()
      const server = Net.connect({ ...to, allowHalfOpen: true, noDelay: true })
      server.on("error", () => client.resetAndDestroy())
      const pair = [client, server] as const
      pairs.add(pair)
      client.once("close", () => pairs.delete(pair))
      const chunks: Array<Buffer> = []
      received.push(() => Buffer.concat(chunks))
      client.on("data", (chunk: Buffer) => chunks.push(chunk))
      forward(client, server)
      forward(server, client)
      if (held) { for (const socket of pair) socket.pause() }
      return undefined
    })
    return {
      ...listening,
      received,
      hold: () => {
        held = true
        for (const socket of [...pairs].flat()) socket.pause()
      },
      resume: () => {
        held = false
        for (const socket of [...pairs].flat()) socket.resume()
      },
      cut: (how) => {
        for (const socket of [...pairs].flat()) {
          if (how === "reset") socket.resetAndDestroy()
          else socket.destroy()
        }
      },
      refuse: (on) => {
        refusing = on
      }
    }
  })
