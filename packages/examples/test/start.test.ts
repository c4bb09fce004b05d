import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, test } from "vitest"

const program = fileURLToPath(new URL("../src/start.ts", import.meta.url))
const start = (...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", program, ...args])

// Real time, in a process of its own: far beyond the few seconds that it takes.
const patience = 60_000

test("npm start visits every stop and leaves nothing open", async () => {
  const { stderr, stdout } = await start()
  assert.strictEqual(stderr, "")
  assert.include(stdout, "12 requests over 4 connections")
  assert.include(stdout, "12 served, 8 refused: users: the queue of 8 waiters is full")
  assert.include(stdout, "1 connection closed")
  assert.include(stdout, "closed as unhealthy: 1")
  assert.include(stdout, "the next request goes to 10.0.0.9")
  assert.include(stdout, "10.0.0.1 was not connected within 300 ms")
  assert.match(stdout, /0 cut, 0 abandoned, in \d+ ms\. Opened \d+, left open 0\.\n$/)
}, patience)

test("npm start -- --json prints one JSON document", async () => {
  const { stdout } = await start("--json")
  const tour: unknown = JSON.parse(stdout)
  assert.containsSubset(tour, { left: { sockets: 0 }, report: { cut: 0, abandoned: 0 } })
}, patience)
