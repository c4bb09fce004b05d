import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { everything, onPool, own } from "../support/real.ts"

describe("one process", () => {
  it.live("S4: 1,000 sequential requests use it, and no other", () =>
    onPool({ maxConnectionsPerHost: 1 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const first = yield* pool.request(server, "pid")
        for (let index = 0; index < 999; index++) assert.strictEqual(yield* pool.request(server, "pid"), first)
        const { hosts: [host] } = yield* pool.stats
        assert.deepInclude(host, { opened: 1, acquired: 1_000, reused: 999, total: 1 })
      })))

  it.live("S4: 1,000 sequential requests to the official server use it, and no other", () =>
    onPool({ maxConnectionsPerHost: 1 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = everything(mark)
        for (let index = 0; index < 1_000; index++) {
          const answer = yield* pool.request(server, "tools/call", { name: "echo", arguments: { message: `${index}` } })
          assert.deepNestedPropertyVal(answer, "content[0].text", `Echo: ${index}`)
        }
        const { hosts: [host] } = yield* pool.stats
        assert.deepInclude(host, { opened: 1, acquired: 1_000, reused: 999, total: 1 })
      })))
})
