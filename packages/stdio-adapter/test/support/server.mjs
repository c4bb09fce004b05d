// A server on stdio that can misbehave in every way a test asks for. Arguments say how it behaves from its start, methods what it
// does when it is told to.
import { spawn } from "node:child_process"
import { closeSync, writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout } from "node:timers/promises"

const habits = new Set(process.argv.slice(2))
const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
const answer = (id, result) => say({ id, result })
const alive = () => setInterval(() => {}, 1000)

if (habits.has("--ignore-term")) process.on("SIGTERM", () => {})
if (habits.has("--ignore-end")) alive()
if (habits.has("--banner")) process.stdout.write("Welcome!\n{ level: 30 }\n\n[info] ready\n")
if (habits.has("--complain")) process.stderr.write("cannot read the configuration\n")
if (habits.has("--die")) process.exit(3)
if (habits.has("--slow-end")) process.stdin.on("end", () => setTimeout(100).then(() => process.exit(0)))

const asked = new Map()
const child = (detached, stdio) => {
  const program = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
  const started = spawn(process.execPath, ["-e", program], { detached, stdio })
  started.unref()
  return started.pid
}

const methods = {
  initialize: (id, { protocolVersion }) =>
    habits.has("--mute")
      ? undefined
      : answer(id, { protocolVersion, capabilities: {}, serverInfo: { name: "own", version: "1" } }),
  ping: (id) => answer(id, {}),
  echo: (id, { value }) => answer(id, value),
  pid: (id) => answer(id, process.pid),
  env: (id, { name }) => answer(id, process.env[name] ?? null),
  cwd: (id) => answer(id, process.cwd()),
  sleep: async (id, { millis }) => {
    await setTimeout(millis)
    answer(id, millis)
  },
  never: () => {},
  nothing: (id) => say({ id }),
  fail: (id) => say({ id, error: { code: -32001, message: "will not", data: { why: "so" } } }),
  big: (id, { bytes }) => answer(id, "x".repeat(bytes)),
  size: (id, { text }) => answer(id, text.length),
  die: (_, { code }) => process.exit(code),
  dieTalking: () => {
    writeSync(2, "out of cheese\n")
    process.kill(process.pid, "SIGSEGV")
  },
  dieMidAnswer: (id) => {
    writeSync(1, `{"jsonrpc":"2.0","id":${id},"resu`)
    process.exit(7)
  },
  answerAndDie: (id) => {
    writeSync(1, `${JSON.stringify({ jsonrpc: "2.0", id, result: "last words" })}\n`)
    process.exit(0)
  },
  garbage: async (id, { lines }) => {
    process.stdout.write("not a message\n".repeat(lines))
    answer(id, lines)
  },
  torn: () => process.stdout.write("{\"jsonrpc\":\"2.0\",\"id\":\n"),
  badUtf8: (id) =>
    process.stdout.write(Buffer.concat([
      Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":"`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from("\"}\n")
    ])),
  longLine: async (_, { bytes }) => {
    const piece = Buffer.alloc(1024 * 1024, "x")
    for (let sent = 0; sent < bytes; sent += piece.length) {
      // oxlint-disable-next-line no-await-in-loop -- each piece waits for room
      if (!process.stdout.write(piece)) await new Promise((resolve) => process.stdout.once("drain", resolve))
    }
  },
  unasked: (id) => {
    answer(123_456, "hello?")
    answer(id, "asked")
  },
  twice: (id) => {
    answer(id, 1)
    answer(id, 2)
  },
  complain: (id, { bytes }) => {
    const piece = Buffer.alloc(64 * 1024, "e")
    for (let sent = 0; sent < bytes; sent += piece.length) writeSync(2, piece)
    writeSync(2, "the end of it\n")
    answer(id, bytes)
  },
  notify: (id, { bytes, count }) => {
    for (let index = 0; index < count; index++) say({ method: "tick", params: { index, filler: "x".repeat(bytes) } })
    answer(id, count)
  },
  batch: (id) =>
    process.stdout.write(`${
      JSON.stringify([
        { jsonrpc: "2.0", method: "tick", params: {} },
        { jsonrpc: "2.0", id, result: "of a batch" }
      ])
    }\n`),
  ask: (id, { method }) => {
    asked.set("mine", (message) => answer(id, message))
    say({ id: "mine", method })
  },
  closeStdout: () => {
    alive()
    closeSync(1)
  },
  closeStdin: () => {
    alive()
    process.stdin.destroy()
    closeSync(0)
  },
  stopReading: (id) => {
    answer(id, true)
    lines.pause()
    process.stdin.pause()
    alive()
  },
  child: (id, { detached, stdio }) => answer(id, child(detached, stdio))
}

const lines = createInterface({ input: process.stdin })
lines.on("line", (line) => {
  const message = JSON.parse(line)
  if (message.method === undefined) asked.get(message.id)?.(message)
  else if (message.id !== undefined) {
    const method = methods[message.method]
    if (method === undefined) say({ id: message.id, error: { code: -32601, message: "no such method" } })
    else method(message.id, message.params ?? {})
  }
})
process.stdout.on("error", () => {})
if (!habits.has("--ignore-end") && !habits.has("--slow-end")) {
  lines.on("close", () => setTimeout(0).then(() => habits.has("--stay") || process.exit(0)))
}
