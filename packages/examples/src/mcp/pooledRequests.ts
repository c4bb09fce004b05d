/** Requests to an MCP server, over processes of a pool. Run it: `npm run mcp-requests` in this package. */
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { StdioPool, StdioServer } from "@watertight/stdio-adapter"
import { Console, Effect, Layer, Schema } from "effect"
import { createRequire } from "node:module"

// as a client's settings would say it: a command, its arguments, its environment
const everything = StdioServer.make({
  name: "everything",
  command: process.execPath,
  args: [createRequire(import.meta.url).resolve("@modelcontextprotocol/server-everything/dist/index.js"), "stdio"]
})

const Answer = Schema.Struct({ content: Schema.NonEmptyArray(Schema.Struct({ text: Schema.String })) })

const program = Effect.gen(function*() {
  const pool = yield* StdioPool.StdioPool
  const echo = (message: string) =>
    pool.requestWith(Answer)(everything, "tools/call", { name: "echo", arguments: { message } })

  const { content: [first] } = yield* echo("hello")
  yield* Console.log("the answer:", first.text)
  yield* Effect.forEach(Array.from({ length: 100 }), () => echo("again"), { concurrency: 20, discard: true })

  const { hosts: [host] } = yield* pool.stats
  yield* Console.log(`the server: ${host?.acquired} requests, ${host?.opened} process started, ${host?.reused} reused`)
})

const PoolLive = StdioPool.layer({ maxConnectionsPerHost: 1 }).pipe(Layer.provide(NodeContext.layer))

NodeRuntime.runMain(Effect.provide(program, PoolLive))
