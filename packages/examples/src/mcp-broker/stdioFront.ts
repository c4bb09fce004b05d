/** The front for clients that launch commands: one session, over the broker's own stdin and stdout. */
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"
import { Effect } from "effect"
import type { Readable, Writable } from "node:stream"
import type { Broker } from "./broker.ts"
import { ConfigInvalid } from "./config.ts"
import { TooManySessions } from "./hub.ts"
import type { Client } from "./session.ts"

/** Serves one client until it or its server ends. */
export const serve = (
  broker: Broker,
  name: string,
  limit: number,
  streams: { readonly input: Readable; readonly output: Writable } = { input: process.stdin, output: process.stdout }
): Effect.Effect<string, ConfigInvalid> =>
  Effect.suspend(() => {
    const hub = broker.hub(name)
    if (hub === undefined) {
      const allowed = broker.hubs().map((one) => one.name).join(", ")
      return new ConfigInvalid({ field: "--stdio", value: name, allowed: `a server of the settings: ${allowed}` })
    }
    return Effect.async<string>((resume) => {
      const { input, output } = streams
      const transport = new StdioServerTransport(input, output, { maxBufferSize: limit })
      const client: Client = {
        // the type wants results to be objects, as those of MCP are
        send: (message) => void transport.send(message as JSONRPCMessage),
        forget: () => undefined,
        ended: (reason) => {
          void transport.close()
          resume(Effect.succeed(reason))
        }
      }
      const session = hub.open(client)
      if (session instanceof TooManySessions) return resume(Effect.succeed(session.message))
      const left = (): void => session.end("its client has gone")
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport knows no other way
      transport.onmessage = (message) => session.receive(message)
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport knows no other way
      transport.onclose = () => session.end("its client has said too much at once")
      input.once("end", left)
      input.once("close", left)
      output.once("error", left)
      void transport.start()
      return Effect.sync(left)
    })
  })
