import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream } from "effect"
import { Protocol } from "../../src/index.ts"
import { marked, now, until } from "../support/census.ts"
import { everything, onPool } from "../support/real.ts"

const Tools = Schema.Struct({ tools: Schema.Array(Schema.Struct({ name: Schema.String })) })
const Content = Schema.Struct({ content: Schema.Array(Schema.Struct({ text: Schema.String })) })

describe("the official server", () => {
  it.live("is ready after its handshake, lists its tools, and is asked by many at once", () =>
    onPool({ maxConnectionsPerHost: 1 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = everything(mark)
        assert.deepNestedPropertyVal(yield* pool.ready(server), "capabilities.tools.listChanged", true)
        const { tools } = yield* pool.requestWith(Tools)(server, "tools/list")
        assert.include(tools.map(({ name }) => name), "echo")
        const answers = yield* Effect.forEach(
          Array.from({ length: 200 }, (_, index) => `${index}`),
          (message) => pool.requestWith(Content)(server, "tools/call", { name: "echo", arguments: { message } }),
          { concurrency: "unbounded" }
        )
        answers.forEach(({ content: [first] }, index) => assert.strictEqual(first?.text, `Echo: ${index}`))
        assert.strictEqual(marked(mark).length, 1)
      })))

  it.live("P3: answers the checks of an idle process", () =>
    onPool(
      { healthCheckInterval: "50 millis", healthCheckTimeout: "2 seconds" },
      (pool, mark) =>
        Effect.gen(function*() {
          yield* pool.ready(everything(mark))
          const before = (yield* pool.traffic).answered
          yield* until(() => "three pings", () => now(pool.traffic).answered >= before + 3)
          assert.strictEqual((yield* pool.stats).hosts[0]?.closed, 0)
        })
    ))

  it.live("tells of its progress", () =>
    onPool({}, (pool, mark) =>
      Effect.gen(function*() {
        const heard: Array<unknown> = []
        yield* pool.request(everything(mark), "tools/call", {
          name: "trigger-long-running-operation",
          arguments: { duration: 0.4, steps: 4 },
          _meta: { progressToken: "mine" }
        }, { onProgress: (params) => heard.push(params) })
        assert.strictEqual(heard.length, 4)
        assert.deepInclude(heard[0], { progressToken: "mine", progress: 1, total: 4 })
      })))

  it.live("P6: hears of a cancellation, and serves the next request on the same process", () =>
    onPool({ maxConnectionsPerHost: 1 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = everything(mark)
        yield* pool.ready(server)
        const fiber = yield* Effect.fork(pool.request(server, "tools/call", {
          name: "trigger-long-running-operation",
          arguments: { duration: 60, steps: 2 }
        }))
        yield* until(() => "the request", () => now(pool.stats).active === 1)
        yield* Fiber.interrupt(fiber)
        const call = { name: "echo", arguments: { message: "next" } }
        assert.deepNestedPropertyVal(yield* pool.request(server, "tools/call", call), "content[0].text", "Echo: next")
        assert.strictEqual((yield* pool.stats).hosts[0]?.opened, 1)
      })))

  it.live("asks its client for its roots, and says what changes", () =>
    onPool(
      {
        protocol: Protocol.mcp({ capabilities: { roots: { listChanged: true } } }),
        onRequest: ({ method }) =>
          method === "roots/list"
            ? Effect.succeed({ roots: [{ uri: "file:///srv", name: "srv" }] })
            : Effect.fail({ code: -32601, description: "no" })
      },
      (pool, mark) =>
        Effect.gen(function*() {
          const server = everything(mark)
          const told = yield* Effect.fork(Stream.runHead(pool.notifications(server)))
          yield* Effect.yieldNow()
          yield* pool.ready(server)
          yield* until(() => "a request of the server", () => now(pool.traffic).served > 0)
          assert.strictEqual((yield* Fiber.join(told))._tag, "Some")
          const { tools } = yield* pool.requestWith(Tools)(server, "tools/list")
          assert.include(tools.map(({ name }) => name), "get-roots-list")
        })
    ))

  it.live("P2: a session has one for itself, which is gone within a second", () =>
    onPool({}, (pool, mark) =>
      Effect.gen(function*() {
        const server = everything(mark)
        yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* pool.session(server)
          assert.deepInclude(marked(mark), session.pid)
          yield* session.request("tools/list")
        }))
        yield* until(() => "its end", () => marked(mark).length === 0, 1_000)
      })))
})
