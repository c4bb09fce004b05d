/** A small MCP server on stdio, for the first five minutes: it says things back, counts, and takes its time. */
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { setTimeout } from "node:timers/promises"

const server = new Server({ name: "watertight-example", version: "0.1.0" }, { capabilities: { tools: {} } })

const noInput = { type: "object" as const }

server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [
    {
      name: "echo",
      description: "Says back what it is told",
      inputSchema: { type: "object" as const, properties: { message: { type: "string" } }, required: ["message"] }
    },
    { name: "count", description: "How often this process was asked to count, and its id", inputSchema: noInput },
    { name: "slow", description: "Takes two seconds, and says how far it is", inputSchema: noInput }
  ]
}))

let counted = 0

const said = (text: string) => ({ content: [{ type: "text" as const, text }] })

server.setRequestHandler(CallToolRequestSchema, async ({ params }, { sendNotification, signal }) => {
  switch (params.name) {
    case "echo":
      return said(String(params.arguments?.["message"]))
    case "count":
      return said(`${++counted} in process ${process.pid}`)
    case "slow": {
      const progressToken = params._meta?.progressToken
      for (let progress = 1; progress <= 4; progress++) {
        await setTimeout(500, undefined, { signal })
        if (progressToken === undefined) continue
        await sendNotification({ method: "notifications/progress", params: { progressToken, progress, total: 4 } })
      }
      return said("done")
    }
    default:
      return { ...said(`there is no tool ${params.name}`), isError: true }
  }
})

await server.connect(new StdioServerTransport())
