import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { echo, files, rig, settle } from "./rig.ts"

const graces = { endGrace: "2 seconds", termGrace: "3 seconds", killGrace: "1 second" } as const

describe("a process is ended", () => {
  it.scoped("by the end of its stdin, without a signal", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, graces)
      yield* pool.ready(files)
      yield* pool.retire(files)
      yield* settle
      assert.strictEqual(yield* servers.running("files"), 0)
      assert.deepStrictEqual(yield* servers.signals("files"), [])
    }))

  it.scoped("by TERM after its grace, and its permit is held until then", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { ...graces, maxConnectionsPerHost: 1 })
      yield* servers.ignoreEnd("files", true)
      yield* pool.ready(files)
      yield* pool.retire(files)
      const next = yield* Effect.fork(pool.ready(files))
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(yield* servers.running("files"), 1)
      assert.strictEqual(yield* servers.started("files"), 1)
      assert.deepInclude(yield* pool.stats, { closing: 1, waiting: 1 })
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.deepStrictEqual(yield* servers.signals("files"), ["SIGTERM"])
      yield* Fiber.join(next)
      assert.strictEqual(yield* servers.peak("files"), 1)
    }))

  it.scoped("by KILL after both", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, graces)
      yield* servers.ignoreEnd("files", true)
      yield* servers.ignoreTerm("files", true)
      yield* pool.ready(files)
      yield* pool.retire(files)
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(yield* servers.running("files"), 1)
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.deepStrictEqual(yield* servers.signals("files"), ["SIGTERM", "SIGCONT", "SIGKILL"])
      assert.strictEqual(yield* servers.running("files"), 0)
      assert.deepInclude(yield* pool.stats, { closing: 0, abandoned: 0 })
    }))

  it.scoped("P4: when it was idle for too long, and not before", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { idleTimeout: "1 minute", healthCheckInterval: Infinity })
      yield* pool.ready(files)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* servers.running("files"), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("P3: when it was idle and does not answer its ping", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, { healthCheckInterval: "10 seconds", healthCheckTimeout: "2 seconds" })
      yield* pool.ready(files)
      yield* TestClock.adjust("20 seconds")
      assert.isAbove(yield* servers.pings("files"), 0)
      yield* servers.hang("files", true)
      yield* TestClock.adjust("20 seconds")
      yield* settle
      assert.strictEqual(yield* servers.running("files"), 0)
    }))

  it.scoped("when it closes its stdout, or its stdin", () =>
    Effect.gen(function*() {
      const { pool, servers } = yield* rig(echo, graces)
      yield* pool.ready(files)
      yield* servers.closeStdout("files")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* servers.running("files"), 0)
      yield* pool.ready(files)
      yield* servers.closeStdin("files")
      const fiber = yield* Effect.fork(Effect.flip(pool.request(files, "a")))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ProcessLost", reason: "its stdin is closed" })
      // it hears no end of its stdin, which it has closed itself
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* servers.running("files"), 0)
    }))
})
