import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { assert, describe, test } from "vitest"
import { patience, run } from "../programs.ts"
import * as Census from "./support/census.ts"
import { type Env, own, say } from "./support/rig.ts"

const program = ["--import", "tsx", fileURLToPath(new URL("../../src/mcp-broker/main.ts", import.meta.url))]

/** Starts the broker as a program, and finds out where it listens. */
const started = async (child: ChildProcess, name: string): Promise<URL> => {
  if (child.stderr === null) throw new Error("no stderr")
  for await (const line of createInterface({ input: child.stderr })) {
    const [url] = new RegExp(`http://\\S+/servers/${name}/mcp`).exec(line) ?? []
    if (url !== undefined) {
      child.stderr.resume()
      return new URL(url)
    }
  }
  throw new Error("it ended")
}

const connect = async (url: URL): Promise<Client> => {
  const client = new Client({ name: "test", version: "1" })
  // the SDK's own types do not agree under exactOptionalPropertyTypes
  await client.connect(new StreamableHTTPClientTransport(url) as Parameters<Client["connect"]>[0])
  return client
}

const withFile = async (content: unknown, use: (file: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "broker-"))
  try {
    const file = join(folder, "mcp.json")
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content))
    await use(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const settings = (env: Env, ...habits: ReadonlyArray<string>) => ({
  mcpServers: { own: own(env, {}, ...habits), mine: own(env, { sharing: "session", warm: 1 }, ...habits) },
  watertight: { port: 0 }
})

describe("the broker as a program", () => {
  test("without a config it serves an example, and ends by a signal with all that it started", async () => {
    const env = Census.mark()
    const child = spawn(process.execPath, [...program, "--port", "0"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"]
    })
    const client = await connect(await started(child, "example"))
    const { tools } = await client.listTools()
    assert.deepStrictEqual(tools.map(({ name }) => name), ["echo", "count", "slow"])
    assert.strictEqual(await say(client, "echo", { message: "hello" }), "hello")
    assert.match(await say(client, "count"), /^1 in process \d+$/)
    const gone = once(child, "exit")
    child.kill("SIGTERM")
    await gone
    await client.close()
    if (Census.available) await Census.until(() => Census.marked(env).join(), () => Census.marked(env).length === 0)
  }, patience)

  test.runIf(Census.available)("killed by SIGKILL, it leaves nobody: not the stubborn, not the stray", () => {
    const env = Census.mark()
    return withFile(settings(env, "stubborn", "stray"), async (file) => {
      const child = spawn(process.execPath, [...program, "--config", file], { stdio: ["ignore", "ignore", "pipe"] })
      const url = await started(child, "own")
      const clients = await Promise.all(
        ["own", "own", "mine", "mine"].map((name) => connect(new URL(`/servers/${name}/mcp`, url)))
      )
      await Promise.all(clients.map((client) => say(client, "pid")))
      // one that is shared, two for their sessions, perhaps a warm one; each with a stray
      assert.isAtLeast(Census.marked(env).length, 6)
      const gone = once(child, "exit")
      child.kill("SIGKILL")
      await gone
      await Census.until(() => Census.marked(env).join(), () => Census.marked(env).length === 0)
      await Promise.all(clients.map((client) => client.close()))
    })
  }, patience)

  test("takes other settings on SIGHUP, and shows what there is", () => {
    const env = Census.mark()
    return withFile(settings(env), async (file) => {
      const child = spawn(process.execPath, [...program, "--config", file], { stdio: ["ignore", "ignore", "pipe"] })
      const url = await started(child, "own")
      const client = await connect(url)
      const before = await say(client, "pid")
      const health = async (): Promise<string> => (await fetch(new URL("/health", url))).text()
      assert.deepInclude(JSON.parse(await health()).servers[0], {
        name: "own",
        sharing: "shared",
        sessions: 1,
        callsInFlight: 0,
        processes: [Number(before)],
        started: 1
      })
      const change = async (mcpServers: unknown): Promise<void> => {
        await writeFile(file, JSON.stringify({ mcpServers, watertight: { port: 0 } }))
        child.kill("SIGHUP")
      }
      await change("wrong")
      await change({ own: own(env), added: own(env) })
      while (!(await health()).includes("\"added\"")) await setTimeout(20)
      assert.notInclude(await health(), "\"mine\"")
      assert.strictEqual(await say(client, "pid"), before)
      const gone = once(child, "exit")
      child.kill("SIGTERM")
      await gone
      await client.close()
      if (Census.available) await Census.until(() => Census.marked(env).join(), () => Census.marked(env).length === 0)
    })
  }, patience)

  test("serves one client on stdin and stdout, and ends with it", async () => {
    const env = Census.mark()
    await withFile(settings(env), async (file) => {
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [...program, "--config", file, "--stdio", "own"],
        stderr: "ignore"
      })
      const client = new Client({ name: "test", version: "1" })
      // the SDK's own types do not agree under exactOptionalPropertyTypes
      await client.connect(transport as Parameters<Client["connect"]>[0])
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => say(client, "late", { text: `${index}`, millis: index % 3 }))
      )
      assert.deepStrictEqual(answers, Array.from({ length: 20 }, (_, index) => `${index}`))
      await client.close()
      if (Census.available) await Census.until(() => Census.marked(env).join(), () => Census.marked(env).length === 0)
    })
  }, patience)

  test(
    "says what is wrong with its settings",
    () =>
      withFile({ mcpServers: { x: { command: "x" } }, watertight: { host: "0.0.0.0" } }, async (file) => {
        const complaint = (...args: ReadonlyArray<string>): Promise<string> =>
          run("mcp-broker/main.ts", "--config", file, ...args).then(() => "it ran", String)
        const [front, server] = await Promise.all([complaint(), complaint("--stdio", "y")])
        assert.include(front, "watertight.host: \"0.0.0.0\" is not allowed")
        assert.include(server, "--stdio: \"y\" is not allowed; allowed: a server of the settings: x")
      }),
    patience
  )
})
