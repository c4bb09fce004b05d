import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { echo, files, other, rig, settle } from "./rig.ts"

describe("notifications", () => {
  it.scoped("of one server or of all come as a stream, until the pool ends", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.ready(files)
      yield* pool.ready(other)
      const all = yield* Effect.fork(Stream.runCollect(pool.notifications()))
      const one = yield* Effect.fork(Stream.runCollect(pool.notifications(files)))
      yield* settle
      yield* servers.notify("files", "changed", { file: 1 })
      yield* servers.notify("other", "changed", { file: 2 })
      yield* settle
      yield* pool.shutdown
      const methods = (told: Iterable<{ readonly server: { readonly label: string } }>) =>
        Array.from(told, ({ server }) => server.label)
      assert.deepStrictEqual(methods(yield* Fiber.join(all)), ["files", "other"])
      assert.deepStrictEqual(methods(yield* Fiber.join(one)), ["files"])
    }))

  it.scoped("of one process come as a stream, until it ends", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      const fiber = yield* Effect.fork(Effect.scoped(Effect.gen(function*() {
        const session = yield* pool.session(files)
        return yield* Stream.runCollect(session.notifications)
      })))
      yield* settle
      yield* servers.notify("files", "changed", { file: 1 })
      yield* settle
      yield* servers.exit("files", 0)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(Array.from(yield* Fiber.join(fiber), ({ params }) => params), [{ file: 1 }])
    }))

  it.scoped("that nobody takes are dropped, the oldest first, and the next one says how many", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { notificationBuffer: 3 })
      yield* pool.ready(files)
      const fiber = yield* Effect.fork(
        pool.notifications(files).pipe(
          Stream.tap(() => Effect.sleep("1 second")),
          Stream.take(4),
          Stream.runCollect
        )
      )
      yield* settle
      for (let index = 0; index < 10; index++) {
        yield* servers.notify("files", "tick", { index })
        yield* settle
      }
      for (let second = 0; second < 5; second++) yield* TestClock.adjust("1 second")
      const told = Array.from(yield* Fiber.join(fiber), ({ lost, params }) => [params, lost])
      assert.deepStrictEqual(told, [[{ index: 0 }, 0], [{ index: 7 }, 6], [{ index: 8 }, 0], [{ index: 9 }, 0]])
      assert.deepInclude(yield* pool.traffic, { notifications: 10, dropped: 6 })
    }))

  it.scoped("of ours reach the process", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.notify(files, "notifications/roots/list_changed", { now: true })
      yield* settle
      assert.deepInclude((yield* servers.notifications("files")).at(-1), {
        method: "notifications/roots/list_changed",
        params: { now: true }
      })
      const error = yield* Effect.flip(pool.notify(files, "bad", 1))
      assert.strictEqual(error._tag, "RequestInvalid")
    }))

  it.scoped("that the process does not read wait, and time out", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { requestTimeout: "5 seconds" })
      yield* pool.ready(files)
      yield* servers.stopReading("files", true)
      const first = yield* Effect.fork(Effect.flip(pool.notify(files, "a")))
      yield* settle
      const second = yield* Effect.fork(Effect.flip(pool.notify(files, "b")))
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* Fiber.join(first), { _tag: "RequestTimeout", written: true })
      assert.deepInclude(yield* Fiber.join(second), { _tag: "RequestTimeout", written: false })
    }))
})

describe("progress", () => {
  it.scoped("goes to the request that it is about, under the name that its asker gave it, and gives it time", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(({ params, process }) => {
        const { _meta: { progressToken } } = params as { readonly _meta: { readonly progressToken: number } }
        return Effect.gen(function*() {
          for (let progress = 1; progress <= 3; progress++) {
            yield* Effect.sleep("3 seconds")
            yield* process.notify("notifications/progress", { progressToken, progress })
          }
          return "done"
        })
      }, { requestTimeout: "4 seconds" })
      yield* pool.ready(files)
      const heard: Array<unknown> = []
      const ask = (progressToken: string) =>
        pool.request(files, "work", { _meta: { progressToken } }, {
          onProgress: (params) => heard.push(params),
          resetTimeoutOnProgress: true
        })
      const fiber = yield* Effect.fork(Effect.all([ask("a"), ask("b")], { concurrency: "unbounded" }))
      for (let second = 0; second < 10; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["done", "done"])
      assert.sameDeepMembers(heard.slice(0, 2), [
        { progressToken: "a", progress: 1 },
        { progressToken: "b", progress: 1 }
      ])
      assert.strictEqual(heard.length, 6)
      assert.notDeepEqual((yield* servers.requests("files"))[0]?.params, { _meta: { progressToken: "a" } })
    }))

  it.scoped("of somebody whose own name for it is a number is not taken for another request's", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(({ method, params, process }) => {
        const { _meta: { progressToken } } = params as { readonly _meta: { readonly progressToken: unknown } }
        return Effect.zipRight(
          Effect.sleep("1 second"),
          method === "quiet" ? Effect.void : process.notify("notifications/progress", { progressToken, progress: 1 })
        )
      })
      yield* pool.ready(files)
      const heard: Array<unknown> = []
      const mine = pool.request(files, "quiet", {}, { onProgress: (params) => heard.push(params) })
      // whatever number our own request got
      const others = Effect.forEach(
        [0, 1, 2, 3, 4, 5],
        (progressToken) => pool.request(files, "loud", { _meta: { progressToken } }),
        { concurrency: "unbounded" }
      )
      const told = yield* Effect.fork(Stream.runCollect(Stream.take(pool.notifications(files), 6)))
      const fiber = yield* Effect.fork(Effect.all([mine, others], { concurrency: "unbounded" }))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(heard, [])
      assert.strictEqual((yield* Fiber.join(told)).length, 6)
    }))
})

describe("a request of the process", () => {
  it.scoped("is refused, but for a ping", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(({ method, process }) => process.request(method, {}))
      assert.deepInclude(yield* pool.request(files, "ping2"), {
        kind: "error",
        code: -32601,
        text: "there is no ping2 here"
      })
      const own = yield* rig(({ process }) => process.request("ping"))
      assert.deepInclude(yield* own.pool.request(files, "any"), { kind: "result", result: {} })
      assert.deepInclude(yield* pool.traffic, { served: 1 })
    }))

  it.scoped("goes to the pool's handler, or to that of its session", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(({ method, process }) => process.request(method), {
        onRequest: ({ method, process }) =>
          method === "roots/list"
            ? Effect.succeed({ roots: [process.server.label] })
            : method === "broken"
            ? Effect.succeed(1n)
            : method === "dies"
            ? Effect.die("no")
            : method === "interrupts itself"
            ? Effect.interrupt
            : method === "fails oddly"
            ? Effect.fail({ code: 0.5, description: "no", data: 1n })
            : Effect.fail({ code: 7, description: "no", data: 8 })
      })
      assert.deepInclude(yield* pool.request(files, "roots/list"), { result: { roots: ["files"] } })
      assert.deepInclude(yield* pool.request(files, "else"), { code: 7, text: "no", data: 8 })
      assert.deepInclude(yield* pool.request(files, "broken"), { code: -32603, text: "the result is not JSON" })
      assert.deepInclude(yield* pool.request(files, "dies"), { code: -32603, text: "internal error" })
      assert.deepInclude(yield* pool.request(files, "interrupts itself"), { code: -32603, text: "internal error" })
      assert.deepInclude(yield* pool.request(files, "fails oddly"), { code: -32603, text: "no" })
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* pool.session(files, { onRequest: () => Effect.succeed("mine") })
        assert.deepInclude(yield* session.request("roots/list"), { result: "mine" })
      }))
    }))

  it.scoped("is answered beside others, but not beside too many", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(
        ({ process }) => Effect.forEach([1, 2, 3], () => process.request("slow"), { concurrency: "unbounded" }),
        { maxServerRequests: 2, onRequest: () => Effect.as(Effect.sleep("1 second"), "ok") }
      )
      const fiber = yield* Effect.fork(pool.request(files, "any"))
      yield* TestClock.adjust("1 second")
      const answers = yield* Fiber.join(fiber)
      assert.deepStrictEqual((answers as ReadonlyArray<{ readonly kind: string }>).map(({ kind }) => kind), [
        "result",
        "result",
        "error"
      ])
    }))

  it.scoped("costs a bounded amount of memory, even if the process never reads an answer: it is ended", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { maxServerRequests: 3, onRequest: () => Effect.succeed("x") })
      yield* pool.ready(files)
      yield* servers.stopReading("files", true)
      const ask = (from: number, count: number) =>
        Effect.forEach(
          Array.from({ length: count }, (_, index) => from + index),
          (id) => servers.say("files", `{"jsonrpc":"2.0","id":${id},"method":"any"}`),
          { discard: true }
        )
      yield* ask(1, 5_000)
      yield* settle
      assert.strictEqual(yield* servers.running("files"), 1)
      yield* ask(5_001, 5_100)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* servers.running("files"), 0)
      assert.strictEqual((yield* pool.stats).total, 0)
    }))

  it.scoped("P2: is given up when its process ends", () =>
    Effect.gen(function*() {
      let ended = false
      const { pool, servers } = yield* rig(({ process }) => process.request("slow"), {
        onRequest: () =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.sync(() => {
              ended = true
            }))
      })
      const fiber = yield* Effect.fork(Effect.exit(pool.request(files, "any")))
      yield* settle
      yield* servers.exit("files", 1)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.isTrue(ended)
    }))
})
