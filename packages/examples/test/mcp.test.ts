import { assert, test } from "vitest"
import { patience, run } from "./programs.ts"

test("S4: pooled requests to an MCP server use one process", async () => {
  const { stdout } = await run("mcp/pooledRequests.ts")
  assert.deepStrictEqual(stdout.split("\n"), [
    "the answer: Echo: hello",
    "the server: 101 requests, 1 process started, 100 reused",
    ""
  ])
}, patience)
