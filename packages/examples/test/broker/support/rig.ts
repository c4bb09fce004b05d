/** A broker in this process, clients of the official SDK, and a census of what they leave behind. */
import { NodeContext } from "@effect/platform-node"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { CallToolResultSchema, type ClientCapabilities } from "@modelcontextprotocol/sdk/types.js"
import { Effect, Exit, FiberSet, Scope } from "effect"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import * as Broker from "../../../src/mcp-broker/broker.ts"
import { decode } from "../../../src/mcp-broker/config.ts"
import * as HttpFront from "../../../src/mcp-broker/httpFront.ts"
import * as Census from "./census.ts"

export type Env = Readonly<Record<string, string>>

/** Our own server, which does what its tools are called. */
export const own = (env: Env, watertight: object = {}, ...habits: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL("server.mjs", import.meta.url)), ...habits],
  env,
  watertight
})

const official = (path: string) => createRequire(import.meta.url).resolve(`@modelcontextprotocol/${path}`)

export const everything = (env: Env, watertight: object = {}) => ({
  command: process.execPath,
  args: [official("server-everything/dist/index.js"), "stdio"],
  env,
  watertight
})

export const filesystem = (env: Env, folder: string, watertight: object = {}) => ({
  command: process.execPath,
  args: [official("server-filesystem/dist/index.js"), folder],
  env,
  watertight
})

export interface Rig {
  readonly broker: Broker.Broker
  readonly front: HttpFront.Front
  readonly endpoint: (name: string) => URL
  readonly connect: (name: string, capabilities?: ClientCapabilities) => Promise<Client>
  readonly reload: (mcpServers: object) => Promise<Broker.Changes>
}

/** Runs a test on a broker of its own, and sees to it that nothing is left of it. */
export const onBroker = async (
  servers: (env: Env) => object,
  test: (rig: Rig, env: Env) => Promise<void>,
  watertight: object = {}
): Promise<void> => {
  const env = Census.mark()
  const scope = Effect.runSync(Scope.make())
  const settingsOf = (mcpServers: object) =>
    Effect.runSync(decode({ mcpServers, watertight: { port: 0, ...watertight } }))
  const settings = settingsOf(servers(env))
  const clients: Array<Client> = []
  try {
    const { broker, front } = await Effect.runPromise(
      Effect.gen(function*() {
        const made = yield* Broker.make(settings, () => ({ call: (work) => work }))
        const run = yield* FiberSet.makeRuntime<never, void>()
        const listening = yield* HttpFront.make(made, () => settings.watertight, () => ({}), (work) => run(work))
        return { broker: made, front: listening }
      }).pipe(Scope.extend(scope), Effect.provide(NodeContext.layer))
    )
    const endpoint = (name: string) => new URL(`${front.url}/servers/${name}/mcp`)
    const connect = async (name: string, capabilities: ClientCapabilities = {}) => {
      const client = new Client({ name: "test", version: "1" }, { capabilities })
      clients.push(client)
      // the SDK's own types do not agree under exactOptionalPropertyTypes
      await client.connect(new StreamableHTTPClientTransport(endpoint(name)) as Parameters<Client["connect"]>[0])
      return client
    }
    const reload = (mcpServers: object) => Effect.runPromise(broker.reload(settingsOf(mcpServers)))
    await test({ broker, front, endpoint, connect, reload }, env)
  } finally {
    await Promise.all(clients.map((client) => client.close()))
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  if (!Census.available) return
  await Census.until(() => `the end of ${Census.marked(env).join()}`, () => Census.marked(env).length === 0)
}

/** What a tool says. */
export const say = async (
  client: Client,
  name: string,
  args: Readonly<Record<string, unknown>> = {},
  options: Parameters<Client["callTool"]>[2] = {}
): Promise<string> => {
  const { content: [first] } = CallToolResultSchema.parse(
    await client.callTool({ name, arguments: args }, CallToolResultSchema, options)
  )
  return first?.type === "text" ? first.text : ""
}
