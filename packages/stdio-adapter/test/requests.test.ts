import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Logger, Schema, TestClock } from "effect"
import { Protocol, StdioServer } from "../src/index.ts"
import { echo, files, isUnderWay, other, rig, settle } from "./rig.ts"

describe("requests", () => {
  it.scoped("S4: share one process, many at a time, and each gets its own answer", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* servers.delay("files", "1 second")
      const fiber = yield* Effect.fork(Effect.forEach(
        Array.from({ length: 50 }, (_, index) => index),
        (index) => pool.request(files, "echo", { index }),
        { concurrency: "unbounded" }
      ))
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 second")
      const answers = yield* Fiber.join(fiber)
      assert.deepStrictEqual(answers, Array.from({ length: 50 }, (_, index) => ({ method: "echo", params: { index } })))
      assert.strictEqual(yield* servers.started("files"), 1)
    }))

  it.scoped("P1: more than one process can carry start another one, up to the limit; the rest waits", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { capacity: 2, maxConnectionsPerHost: 3 })
      const ask = Effect.forEach(Array.from({ length: 10 }), () => pool.request(files, "echo"), {
        concurrency: "unbounded"
      })
      yield* servers.delay("files", "1 second")
      const fiber = yield* Effect.fork(ask)
      for (let second = 0; second < 4; second++) yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 10)
      assert.strictEqual(yield* servers.peak("files"), 3)
    }))

  it.scoped("have a schema for their results", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(() => Effect.succeed({ tools: [{ name: "read" }] }))
      const Tools = Schema.Struct({ tools: Schema.Array(Schema.Struct({ name: Schema.String })) })
      assert.deepStrictEqual((yield* pool.requestWith(Tools)(files, "tools/list")).tools, [{ name: "read" }])
      const error = yield* Effect.flip(pool.requestWith(Schema.String)(files, "tools/list"))
      assert.strictEqual(error._tag, "ResultInvalid")
      assert.include(error.message, "files: the result of tools/list is not as expected")
    }))

  it.scoped("that cannot be sent borrow nothing", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      const circle: Record<string, unknown> = {}
      circle["self"] = circle
      for (const params of [circle, 5, "text", { big: 1n }, null]) {
        const error = yield* Effect.flip(pool.request(files, "echo", params))
        assert.deepInclude(error, { _tag: "RequestInvalid", field: "params" })
      }
      assert.deepInclude(yield* Effect.flip(pool.request(files, "")), { _tag: "RequestInvalid", field: "method" })
      assert.strictEqual(yield* servers.started("files"), 0)
    }))

  it.scoped("that are answered with an error leave the process well", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(() => Effect.fail({ code: -32602, description: "no such file", data: 1 }))
      const error = yield* Effect.flip(pool.request(files, "read"))
      assert.deepInclude(error, { _tag: "RpcError", code: -32602, description: "no such file", data: 1 })
      assert.strictEqual(error.message, "files: read was answered with error -32602: no such file")
      assert.strictEqual(yield* servers.running("files"), 1)
    }))

  it.scoped("have a time, and their late answers are dropped and counted", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { requestTimeout: "5 seconds" })
      yield* pool.ready(files)
      yield* servers.delay("files", "8 seconds")
      const late = yield* Effect.fork(Effect.flip(pool.request(files, "slow")))
      const patient = yield* Effect.fork(pool.request(files, "slow", {}, { timeout: "9 seconds" }))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(late)
      assert.strictEqual(
        error.message,
        `files: process ${(yield* servers.requests("files"))[0]?.pid} did not answer slow within 5000 ms`
      )
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* Fiber.join(patient), { method: "slow" })
      yield* servers.say("files", "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"at last\"}")
      yield* settle
      assert.deepInclude(yield* pool.traffic, { timedOut: 1, late: 1, unasked: 0 })
      assert.deepInclude((yield* servers.notifications("files")).at(-1), {
        method: "notifications/cancelled",
        params: { requestId: 2, reason: "timed out" }
      })
      assert.strictEqual(yield* servers.started("files"), 1)
    }))

  it.scoped("a check decides about a process that has answered nobody: it lives if it answers that", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(
        ({ method }) => method === "never" ? Effect.never : echo(undefined as never),
        {
          requestTimeout: "5 seconds"
        }
      )
      yield* pool.ready(files)
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "never")))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RequestTimeout")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* servers.pings("files"), 1)
      assert.strictEqual(yield* servers.running("files"), 1)
    }))

  it.scoped("a check decides about a process that has answered nobody: it goes if it does not answer that either", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { requestTimeout: "5 seconds", healthCheckTimeout: "2 seconds" })
      yield* pool.ready(files)
      yield* servers.hang("files", true)
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "any")))
      const patient = yield* Effect.fork(Effect.flip(pool.request(files, "any", {}, { timeout: Infinity })))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RequestTimeout")
      assert.isTrue(yield* isUnderWay(patient))
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* Fiber.join(patient), {
        _tag: "ProcessLost",
        reason: "it answers neither a request nor a check"
      })
      assert.strictEqual(yield* servers.running("files"), 0)
    }))
})

describe("a process that answers nobody", () => {
  it.scoped("goes, however much it says besides", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { requestTimeout: "5 seconds", healthCheckTimeout: "2 seconds" })
      yield* pool.ready(files)
      yield* servers.hang("files", true)
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "any")))
      for (let second = 0; second < 7; second++) {
        yield* servers.notify("files", "still here")
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RequestTimeout")
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("and is idle, goes within the interval of checks, however much it says", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { healthCheckInterval: "10 seconds", healthCheckTimeout: "2 seconds" })
      yield* pool.ready(files)
      yield* servers.hang("files", true)
      for (let second = 0; second < 24; second++) {
        yield* servers.notify("files", "still here")
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("and cannot be asked, gets no new request; those who wait may be answered yet", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(
        ({ method }) => method === "slow" ? Effect.as(Effect.sleep("20 seconds"), "at last") : Effect.never,
        { requestTimeout: "5 seconds", protocol: Protocol.jsonRpc() }
      )
      const slow = yield* Effect.fork(pool.request(files, "slow", {}, { timeout: Infinity }))
      yield* settle
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "never")))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "RequestTimeout")
      yield* Effect.fork(pool.request(files, "never"))
      yield* settle
      assert.strictEqual(yield* servers.running("files"), 2)
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* Fiber.join(slow), "at last")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("but answers what nobody had asked, is complained of once", () =>
    Effect.gen(function*() {
      const messages: Array<unknown> = []
      const logger = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void messages.push(message)))
      yield* Effect.gen(function*() {
        const { pool, servers } = yield* rig(() => Effect.never)
        const fiber = yield* Effect.fork(pool.request(files, "never"))
        yield* settle
        for (let count = 0; count < 100; count++) {
          yield* servers.say("files", "{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":1}")
        }
        yield* settle
        assert.deepInclude(yield* pool.traffic, { unasked: 100 })
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(logger))
      assert.strictEqual(messages.length, 1)
    }))
})

describe("an interrupted request", () => {
  it.scoped("P6: leaves the process to its siblings; the process is told, and what it answers is dropped", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.ready(files)
      yield* servers.delay("files", "1 second")
      const sibling = yield* Effect.fork(pool.request(files, "a"))
      const fiber = yield* Effect.fork(pool.request(files, "b"))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(sibling), { method: "a" })
      assert.deepInclude((yield* servers.notifications("files")).at(-1), {
        method: "notifications/cancelled",
        params: { requestId: 3, reason: "interrupted" }
      })
      assert.deepInclude(yield* pool.traffic, { interrupted: 1 })
      assert.strictEqual(yield* servers.started("files"), 1)
      assert.deepInclude(yield* pool.stats, { active: 0, idle: 1 })
    }))

  it.scoped("P6: before it is written is never sent", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.ready(files)
      yield* servers.stopReading("files", true)
      const first = yield* Effect.fork(pool.request(files, "first"))
      yield* settle
      const second = yield* Effect.fork(pool.request(files, "second"))
      yield* settle
      yield* Fiber.interrupt(second)
      yield* servers.stopReading("files", false)
      yield* Fiber.join(first)
      assert.deepStrictEqual((yield* servers.requests("files")).map(({ method }) => method), ["first"])
      assert.deepStrictEqual((yield* servers.notifications("files")).map(({ method }) => method), [
        "notifications/initialized"
      ])
    }))

  it.scoped("P6: while its process starts gives the process to the next one", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* servers.delay("files", "1 second")
      const fiber = yield* Effect.fork(pool.request(files, "a"))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* pool.stats, { idle: 1 })
      yield* servers.delay("files", 0)
      yield* pool.request(files, "b")
      assert.strictEqual(yield* servers.started("files"), 1)
    }))
})

describe("a process that is lost", () => {
  it.scoped("before a request was written costs it nothing", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { maxConnectionsPerHost: 1 })
      yield* pool.ready(files)
      yield* servers.stopReading("files", true)
      const first = yield* Effect.fork(Effect.flip(pool.request(files, "first")))
      yield* settle
      const second = yield* Effect.fork(pool.request(files, "second"))
      yield* settle
      yield* servers.exit("files", "SIGSEGV")
      yield* servers.stopReading("files", false)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(first), { _tag: "ProcessLost", written: true })
      assert.deepInclude(yield* Fiber.join(second), { method: "second" })
      assert.deepStrictEqual((yield* servers.requests("files")).map(({ method }) => method), ["second"])
    }))

  it.scoped("after a request was written fails it: nothing is ever sent twice", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.ready(files)
      yield* servers.dieAtRequest("files", 1)
      const error = yield* Effect.flip(pool.request(files, "pay"))
      assert.deepInclude(error, { _tag: "ProcessLost", written: true, exit: { code: undefined, signal: "SIGKILL" } })
      assert.strictEqual((yield* servers.requests("files")).length, 1)
    }))

  it.scoped("after a request was written that is idempotent has it sent to another one", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.ready(files)
      yield* servers.dieAtRequest("files", 1)
      assert.deepInclude(yield* pool.request(files, "read", {}, { idempotent: true }), { method: "read" })
      assert.strictEqual((yield* servers.requests("files")).length, 2)
    }))

  it.scoped("and one that dies of everything it is asked is not started for ever", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* servers.dieAtRequest("files", 1_000)
      for (let index = 0; index < 20; index++) {
        yield* Effect.flip(pool.request(files, "read", {}, { idempotent: true }))
      }
      assert.isAtMost(yield* servers.started("files"), 6)
      const error = yield* Effect.flip(pool.request(files, "read"))
      assert.deepInclude(error, { _tag: "HostUnavailable", reason: "breakerOpen" })
      yield* servers.dieAtRequest("files", 0)
      yield* TestClock.adjust("30 seconds")
      yield* pool.request(files, "read")
    }))

  it.scoped("P8: one server that cannot be started leaves the others alone", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* servers.failStart("files", "ENOENT")
      const error = yield* Effect.flip(pool.request(files, "read"))
      assert.deepInclude(error, { _tag: "StartFailed", code: "ENOENT" })
      assert.strictEqual(error.message, "files: the process could not be started (ENOENT)")
      yield* pool.request(other, "read")
    }))

  it.scoped("for want of descriptors is nobody's fault: the breaker stays closed", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* servers.failStart("files", "EMFILE")
      for (let index = 0; index < 10; index++) {
        assert.strictEqual((yield* Effect.flip(pool.request(files, "read")))._tag, "StartFailed")
      }
    }))
})

describe("the handshake", () => {
  it.scoped("has to agree on a version", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig(echo, {
        protocol: { ...Protocol.mcp(), handshake: Protocol.mcp({ versions: ["2030-01-01"] }).handshake }
      })
      assert.deepInclude(yield* pool.ready(files), { protocolVersion: "2030-01-01" })
      const old = yield* rig(echo, {
        protocol: {
          ...Protocol.mcp(),
          handshake: (channel) =>
            Protocol.mcp().handshake?.({ ...channel, request: () => Effect.succeed({ protocolVersion: "1999" }) }) ??
              Effect.void
        }
      })
      const error = yield* Effect.flip(old.pool.ready(files))
      assert.include(error.message, "it speaks version 1999; allowed: 2025-11-25, ")
      assert.strictEqual(yield* old.servers.running("files"), 0)
    }))

  it.scoped("that takes too long ends the process", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { requestTimeout: "1 second" })
      yield* servers.hang("files", true)
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "read")))
      yield* settle
      yield* servers.sayOnStderr("files", "waiting for a token\n")
      yield* TestClock.adjust("29 seconds")
      assert.isTrue(yield* isUnderWay(fiber))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "ConnectTimeout")
      assert.match(
        error.message,
        /within 30000 ms: process \d+ was started, but is not ready; stderr: waiting for a token \(waited/
      )
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("with a process that dies says how, and what it said", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* servers.hang("files", true)
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "read")))
      yield* settle
      yield* servers.sayOnStderr("files", "no token\n")
      yield* servers.exit("files", 2)
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "HandshakeFailed", exit: { code: 2, signal: undefined }, stderr: "no token\n" })
      assert.strictEqual(
        error.message,
        "files: the process did not become ready: it has ended (exit code 2); stderr: no token"
      )
    }))
})

describe("a session", () => {
  it.scoped("has a process for itself, which ends with it", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.request(files, "a")
      yield* Effect.scoped(Effect.gen(function*() {
        const one = yield* pool.session(files)
        const two = yield* pool.session(files)
        assert.notStrictEqual(one.pid, two.pid)
        yield* one.request("b")
        yield* pool.request(files, "c")
        const by = (method: string) =>
          Effect.map(servers.requests("files"), (all) => all.find((request) => request.method === method)?.pid)
        assert.strictEqual(yield* by("b"), one.pid)
        assert.strictEqual(yield* by("c"), yield* by("a"))
        assert.strictEqual(yield* servers.running("files"), 3)
      }))
      yield* settle
      assert.strictEqual(yield* servers.running("files"), 1)
    }))

  it.scoped("may leave its process to the next one", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      const pid = Effect.scoped(Effect.map(pool.session(files, { reuse: true }), (process) => process.pid))
      assert.strictEqual(yield* pid, yield* pid)
    }))

  it.scoped("P6: that is interrupted leaves its process to nobody", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      const fiber = yield* Effect.fork(
        Effect.scoped(Effect.zipRight(pool.session(files, { reuse: true }), Effect.never))
      )
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("is served by processes that were warmed for it", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig()
      yield* pool.warm(StdioServer.exclusive(files), 2)
      assert.strictEqual(yield* servers.started("files"), 2)
      yield* Effect.scoped(pool.session(files))
      assert.strictEqual(yield* servers.started("files"), 2)
    }))
})

it.scoped("P9: after the shutdown every request is refused, and nothing lives", () =>
  Effect.gen(function*() {
    const { pool, servers } = yield* rig()
    yield* pool.ready(files)
    yield* servers.hang("files", true)
    const fiber = yield* Effect.fork(Effect.exit(pool.request(files, "a")))
    yield* settle
    const shutdown = yield* Effect.fork(pool.shutdown)
    yield* TestClock.adjust("10 seconds")
    assert.deepInclude(yield* Fiber.join(shutdown), { cut: 1, abandoned: 0 })
    const exit = yield* Fiber.join(fiber)
    assert.isTrue(Exit.isFailure(exit) && Cause.isFailType(exit.cause) && exit.cause.error._tag === "ProcessLost")
    assert.strictEqual((yield* Effect.flip(pool.request(files, "a")))._tag, "PoolClosed")
    assert.strictEqual(yield* servers.running("files"), 0)
  }))
