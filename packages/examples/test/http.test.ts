import { assert, test } from "vitest"
import { patience, run } from "./programs.ts"

test("the first request", async () => {
  const { stderr, stdout } = await run("http/firstRequest.ts")
  assert.strictEqual(stderr, "")
  assert.deepStrictEqual(stdout.split("\n"), [
    "the answer: { id: 1, name: 'Ada' }",
    "the pool: 1 connection, 0 active, 1 idle",
    "the host: 10 requests, 1 connection opened, 9 reused",
    "the server: 1 connection accepted",
    ""
  ])
}, patience)

test("a limit, a cancelled request and a stream left half-way leave no socket behind", async () => {
  const { stderr, stdout } = await run("http/cancellation.ts")
  assert.strictEqual(stderr, "")
  const lines = stdout.split("\n")
  assert.deepStrictEqual(lines.slice(0, 3), [
    "limit: 20 requests over 4 connections, 4 open",
    "cancelled: the server sees 3 connections, 0 held",
    "left half-way: got a piece (Some), the server sees 2 connections, 0 held"
  ])
  // only where the kernel shows the descriptors of a process
  if (process.platform === "linux") {
    assert.strictEqual(lines[3], "closed: 0 sockets more than before the pool was made")
  }
}, patience)
