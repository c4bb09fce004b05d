// A server for the broker's tests: it does what its tools are called. Lines of JSON-RPC, and nothing else.
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

const habits = new Set(process.argv.slice(2))
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n")
const say = (id, text) => send({ id, result: { content: [{ type: "text", text }] } })

/** requests of ours, by id */
const asked = new Map()
const cancelled = []
const subscribed = new Set()
let level = "none"
let last = 0

if (habits.has("stubborn")) process.on("SIGTERM", () => undefined)
// somebody outside the group, whom no signal for the group reaches
if (habits.has("stray")) spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).unref()

const ask = (id, method, params) => {
  asked.set(`s${++last}`, id)
  send({ id: `s${last}`, method, params })
}

const tools = {
  echo: (id, { text }) => say(id, text),
  pid: (id) => say(id, `${process.pid}`),
  env: (id, { name }) => say(id, process.env[name] ?? ""),
  level: (id) => say(id, level),
  hang: () => undefined,
  late: (id, { text, millis }) => setTimeout(() => say(id, text), millis),
  cancelled: (id) => say(id, JSON.stringify(cancelled)),
  subscribed: (id) => say(id, [...subscribed].join()),
  progress: (id, { text }, meta) => {
    for (let step = 1; step <= 3; step++) {
      send({
        method: "notifications/progress",
        params: { progressToken: meta?.progressToken, progress: step, message: text }
      })
    }
    say(id, text)
  },
  log: (id, { text, at = "info" }) => {
    send({ method: "notifications/message", params: { level: at, data: text } })
    setTimeout(() => say(id, text), 20)
  },
  touch: (id, { uri }) => {
    if (subscribed.has(uri)) send({ method: "notifications/resources/updated", params: { uri } })
    say(id, uri)
  },
  grow: (id) => {
    send({ method: "notifications/tools/list_changed" })
    say(id, "grown")
  },
  ask: (id, { method, params }) => ask(id, method, params),
  die: () => process.exit(3)
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params, result, error } = JSON.parse(line)
  if (method === undefined) {
    const call = asked.get(id)
    asked.delete(id)
    return say(call, JSON.stringify(error ?? result))
  }
  if (method === "notifications/cancelled") return void cancelled.push(params.requestId)
  if (id === undefined) return undefined
  switch (method) {
    case "initialize":
      return send({
        id,
        result: {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {}, tasks: {} },
          serverInfo: { name: "own", version: "1" }
        }
      })
    case "ping":
      return send({ id, result: {} })
    case "tools/list":
      return send({
        id,
        result: { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object" } })) }
      })
    case "logging/setLevel":
      level = params.level
      return send({ id, result: {} })
    case "resources/subscribe":
      subscribed.add(params.uri)
      return send({ id, result: {} })
    case "resources/unsubscribe":
      subscribed.delete(params.uri)
      return send({ id, result: {} })
    case "tools/call":
      return tools[params.name](id, params.arguments ?? {}, params._meta)
    default:
      return send({ id, error: { code: -32601, message: `no ${method}` } })
  }
}).on("close", () => {
  if (habits.has("stubborn")) setInterval(() => undefined, 1_000)
  else process.exit(0)
})
