import { assert, test } from "vitest"
import { patience, run } from "./programs.ts"

test("npm start visits every stop and leaves nothing open", async () => {
  const { stderr, stdout } = await run("start.ts")
  assert.strictEqual(stderr, "")
  // over sockets
  assert.include(stdout, "12 requests, 4 connections accepted by the server")
  assert.include(stdout, "open on the server's side: 4 before, 3 after")
  assert.include(stdout, "4 responses dropped, the last of 8388608 bytes; 0 connections held")
  assert.match(stdout, /to the new address, 0 connections to the old one are left|no second loopback address/)
  // over the script
  assert.include(stdout, "12 requests over 4 connections")
  assert.include(stdout, "12 served, 8 refused: users: the queue of 8 waiters is full")
  assert.include(stdout, "1 connection closed")
  assert.include(stdout, "closed as unhealthy: 1")
  assert.include(stdout, "the next request goes to 10.0.0.9")
  assert.include(stdout, "10.0.0.1 was not connected within 300 ms")
  // both pools
  const ends = stdout.match(/0 cut, 0 abandoned, in \d+ ms\. Opened \d+, left open 0\.\n/g)
  assert.strictEqual(ends?.length, 2)
}, patience)

test("npm start -- --json prints one JSON document", async () => {
  const { stdout } = await run("start.ts", "--json")
  const tour: unknown = JSON.parse(stdout)
  const part = { left: { sockets: 0 }, report: { cut: 0, abandoned: 0 } }
  assert.containsSubset(tour, {
    parts: [{ name: "http", ...part }, { name: "scripted", ...part }],
    left: { sockets: 0 }
  })
}, patience)
