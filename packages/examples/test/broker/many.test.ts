import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js"
import { Effect } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, test } from "vitest"
import * as Census from "./support/census.ts"
import { everything, filesystem, onBroker, own, say } from "./support/rig.ts"

const hundred = Array.from({ length: 100 }, (_, index) => index)
const patience = 60_000

describe.runIf(Census.available)("100 sessions at once", () => {
  test(
    "on a shared server use one process, and each gets its own answers",
    () =>
      onBroker((env) => ({ everything: everything(env) }), async ({ connect, front }, env) => {
        const clients = await Promise.all(hundred.map(() => connect("everything")))
        // all of them count their ids from the same number
        const answers = await Promise.all(
          clients.flatMap((client, index) =>
            [1, 2, 3].map((round) => say(client, "echo", { message: `${index} ${round}` }))
          )
        )
        assert.deepStrictEqual(answers, hundred.flatMap((index) => [1, 2, 3].map((round) => `Echo: ${index} ${round}`)))
        assert.strictEqual(front.sessions(), 100)
        assert.strictEqual(Census.marked(env).length, 1)
      }),
    patience
  )

  test("on a pooled server with four use exactly four", async () => {
    const folder = await mkdtemp(join(tmpdir(), "broker-"))
    try {
      await Promise.all(hundred.map((index) => writeFile(join(folder, `${index}.txt`), `file ${index}`)))
      const pooled = { sharing: "pooled", processes: 4 }
      await onBroker((env) => ({ files: filesystem(env, folder, pooled) }), async ({ broker, connect }, env) => {
        const clients = await Promise.all(hundred.map(() => connect("files")))
        const texts = await Promise.all(
          clients.map((client, index) => say(client, "read_text_file", { path: join(folder, `${index}.txt`) }))
        )
        assert.deepStrictEqual(texts, hundred.map((index) => `file ${index}`))
        assert.strictEqual(Census.marked(env).length, 4)
        const { hosts } = await Effect.runPromise(broker.pool.stats)
        assert.deepStrictEqual(hosts.map(({ opened }) => opened), [1, 1, 1, 1])
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  }, patience)
})

const accept = { "content-type": "application/json", accept: "application/json, text/event-stream" }

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } }
}

const call = (name: string) => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name, arguments: { text: "x" } }
})

/** Begins a session, and answers its id. */
const begin = async (url: URL): Promise<string> => {
  const answer = await fetch(url, { method: "POST", headers: accept, body: JSON.stringify(initialize) })
  await answer.text()
  return answer.headers.get("mcp-session-id") ?? ""
}

/** Asks for something that is never answered, and goes as soon as the call is there. */
const drop = (url: URL, session: string): Promise<void> =>
  new Promise((resolve) => {
    const asked = request(url, { method: "POST", headers: { ...accept, "mcp-session-id": session } }, (response) => {
      // its head comes when the call has been taken
      response.on("error", () => undefined)
      response.resume()
      asked.destroy()
      resolve()
    })
    asked.on("error", () => undefined)
    asked.end(JSON.stringify(call("hang")))
  })

describe.runIf(Census.available)("1,000 sessions", () => {
  test(
    "opened, dropped in the middle of a call and opened again leave nothing behind",
    () =>
      onBroker((env) => ({ own: own(env) }), async ({ broker, connect, endpoint, front }, env) => {
        const client = await connect("own")
        await say(client, "pid")
        const before = Census.descriptors()
        const url = endpoint("own")
        const one = async (): Promise<void> => {
          await drop(url, await begin(url))
          // the same client, come back
          const again = { ...accept, "mcp-session-id": await begin(url) }
          const answer = await fetch(url, { method: "POST", headers: again, body: JSON.stringify(call("echo")) })
          assert.include(await answer.text(), "\"text\":\"x\"")
        }
        for (let round = 0; round < 50; round++) await Promise.all(Array.from({ length: 10 }, one))
        const hub = broker.hub("own")
        await Census.until(
          () => `${front.sessions()} sessions`,
          () => front.sessions() === 1 && hub?.sessions.size === 1
        )
        assert.strictEqual(Census.marked(env).length, 1)
        // every call that was dropped was given up at the server as well
        const { content } = CallToolResultSchema.parse(await client.callTool({ name: "cancelled" }))
        const [first] = content
        assert.strictEqual(JSON.parse(first?.type === "text" ? first.text : "").length, 500)
        // what is kept alive for the next request is not left behind
        const kept = 12
        await Census.until(
          () => `${Census.descriptors()} descriptors, ${before} before`,
          () => Census.descriptors() <= before + kept
        )
      }, { sessionIdleTimeout: "5 seconds" }),
    patience
  )
})
