import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Exit, Fiber, Stream } from "effect"
import { existsSync } from "node:fs"
import { Protocol } from "../../src/index.ts"
import { marked, now, until } from "../support/census.ts"
import { onPool, own } from "../support/real.ts"

const short = { endGrace: "200 millis", termGrace: "300 millis", killGrace: "1 second" } as const
const once = { maxConnectionsPerHost: 1, ...short } as const

const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(effect)

describe("what a process says", () => {
  it.live("a banner, log lines and blank lines before the first message do no harm", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* pool.request(own(mark, "--banner"), "echo", { value: "hello" }), "hello")
        assert.strictEqual((yield* pool.traffic).noise, 3)
      })))

  it.live("garbage up to the limit is passed over, one line more ends the process and fails its requests", () =>
    onPool({ ...once, maxNoise: 10 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        assert.strictEqual(yield* pool.request(server, "garbage", { lines: 10 }), 10)
        assert.strictEqual(yield* pool.request(server, "garbage", { lines: 10 }), 10)
        const error = yield* failure(pool.request(server, "garbage", { lines: 11 }))
        assert.deepInclude(error, { _tag: "OutputMalformed", line: "not a message" })
        assert.strictEqual(yield* pool.request(server, "echo", { value: 1 }), 1)
        assert.strictEqual((yield* pool.stats).hosts[0]?.opened, 2)
      })))

  it.live("a message that broke, and one that is no UTF-8, end the process", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const neighbour = yield* Effect.fork(Effect.flip(pool.request(server, "never")))
        yield* Effect.zipRight(pool.ready(server), Effect.yieldNow())
        assert.strictEqual((yield* failure(pool.request(server, "torn")))._tag, "OutputMalformed")
        assert.strictEqual((yield* Fiber.join(neighbour))._tag, "OutputMalformed")
        assert.strictEqual((yield* failure(pool.request(server, "badUtf8")))._tag, "OutputMalformed")
      })))

  it.live("a line of 64 MiB ends the process, and takes no memory beyond the limit", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const before = process.memoryUsage().rss
        const error = yield* failure(pool.request(server, "longLine", { bytes: 64 * 1024 * 1024 }))
        assert.deepInclude(error, { _tag: "LineTooLong", limit: 16 * 1024 * 1024 })
        assert.isBelow(process.memoryUsage().rss - before, 64 * 1024 * 1024)
        assert.strictEqual(yield* pool.request(server, "echo", { value: 1 }), 1)
      })))

  it.live("an answer of 10 MiB arrives, beside small ones", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const [big, small] = yield* Effect.all([
          pool.request(server, "big", { bytes: 10 * 1024 * 1024 }),
          pool.request(server, "echo", { value: 1 })
        ], { concurrency: "unbounded" })
        assert.strictEqual(String(big).length, 10 * 1024 * 1024)
        assert.strictEqual(small, 1)
      })))

  it.live("an answer that nobody asked for retires the process, and those who wait get theirs", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const slow = yield* Effect.fork(pool.request(server, "sleep", { millis: 200 }))
        const first = yield* pool.request(server, "pid")
        assert.strictEqual(yield* pool.request(server, "unasked"), "asked")
        assert.strictEqual(yield* Fiber.join(slow), 200)
        assert.notStrictEqual(yield* pool.request(server, "pid"), first)
        assert.strictEqual((yield* pool.traffic).unasked, 1)
      })))

  it.live("a second answer is dropped and counted, an answer of nothing fails its request alone", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        assert.strictEqual(yield* pool.request(server, "twice"), 1)
        assert.strictEqual((yield* failure(pool.request(server, "nothing")))._tag, "AnswerMalformed")
        assert.deepInclude(yield* failure(pool.request(server, "fail")), {
          _tag: "RpcError",
          code: -32001,
          description: "will not",
          data: { why: "so" }
        })
        assert.strictEqual((yield* pool.traffic).late, 1)
        assert.strictEqual((yield* pool.stats).hosts[0]?.opened, 1)
      })))

  it.live("a batch is taken apart", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* pool.request(own(mark), "batch"), "of a batch")
        assert.strictEqual((yield* pool.traffic).notifications, 1)
      })))

  it.live("a flood on stderr is drained, and only its end is kept", () =>
    onPool({ ...once, stderrTail: 1024 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        assert.strictEqual(yield* pool.request(server, "complain", { bytes: 32 * 1024 * 1024 }), 32 * 1024 * 1024)
        const stderr = pool.use(server, ({ connection }) => Effect.succeed(connection.stderr))
        yield* until(() => "the end of stderr", () => now(stderr).endsWith("the end of it\n"))
        assert.isAtMost((yield* stderr).length, 1024)
      })))

  it.live("a flood of notifications keeps to its bound, and delays no answer", () =>
    onPool({ ...once, notificationBuffer: 100 }, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const reader = yield* Effect.fork(
          pool.notifications(server).pipe(
            Stream.tap(() => Effect.sleep("1 second")),
            Stream.take(3),
            Stream.runCollect
          )
        )
        yield* Effect.zipRight(pool.ready(server), Effect.sleep("20 millis"))
        assert.strictEqual(yield* pool.request(server, "notify", { count: 20_000, bytes: 500 }), 20_000)
        yield* Fiber.interrupt(reader)
        const { dropped, notifications } = yield* pool.traffic
        assert.strictEqual(notifications, 20_000)
        assert.isAbove(dropped, 10_000)
      })))
})

describe("how a process ends", () => {
  it.live("in the handshake: what it said on stderr is in the error", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const error = yield* failure(pool.request(own(mark, "--complain", "--die"), "echo"))
        assert.deepInclude(error, { _tag: "HandshakeFailed", exit: { code: 3, signal: undefined } })
        assert.include(error.message, "cannot read the configuration")
      })))

  it.live("without having become ready in time", () =>
    onPool(
      { ...once, connectTimeout: "500 millis" },
      (pool, mark) =>
        Effect.map(failure(pool.request(own(mark, "--mute"), "echo")), (error) =>
          assert.strictEqual(error._tag, "ConnectTimeout"))
    ))

  it.live("by a signal, in the middle of a request: all who wait hear how, and what it said", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const neighbour = yield* Effect.fork(Effect.flip(pool.request(server, "never")))
        yield* pool.ready(server)
        const error = yield* failure(pool.request(server, "dieTalking"))
        assert.deepInclude(error, {
          _tag: "ProcessLost",
          written: true,
          exit: { code: undefined, signal: "SIGSEGV" },
          stderr: "out of cheese\n"
        })
        assert.strictEqual((yield* Fiber.join(neighbour))._tag, "ProcessLost")
      })))

  it.live("in the middle of an answer", () =>
    onPool(once, (pool, mark) =>
      Effect.map(failure(pool.request(own(mark), "dieMidAnswer")), (error) => {
        assert.deepInclude(error, { _tag: "ProcessLost", exit: { code: 7, signal: undefined } })
        assert.isTrue(error._tag === "ProcessLost" && error.partial > 20)
      })))

  it.live("right after an answer, which still arrives", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        for (let round = 0; round < 5; round++) {
          // the next request may be on its way before the end is known
          const answer = yield* pool.request(own(mark), "answerAndDie", {}, { idempotent: true })
          assert.strictEqual(answer, "last words")
        }
      })))

  it.live("P3: the end of an idle process is known at once, and costs no request", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const pid = Number(yield* pool.request(server, "pid"))
        process.kill(pid, "SIGKILL")
        yield* until(() => "its end", () => now(pool.stats).idle === 0)
        assert.notStrictEqual(yield* pool.request(server, "pid"), pid)
        assert.strictEqual((yield* pool.stats).hosts[0]?.closedBy.peer, 1)
      })))

  it.live("a process that closes stdout and lives on is ended", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const error = yield* failure(pool.request(own(mark), "closeStdout"))
        assert.deepInclude(error, { _tag: "ProcessLost", reason: "its stdout is closed" })
      })))

  it.live("a process that closes stdin and lives on is ended", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const pid = String(yield* pool.request(server, "pid"))
        yield* Effect.fork(Effect.ignore(pool.request(server, "closeStdin")))
        yield* until(() => "its stdin is closed", () => !existsSync(`/proc/${pid}/fd/0`))
        const answer = yield* Effect.either(pool.request(server, "size", { text: "x".repeat(1024 * 1024) }))
        // whichever comes first: that its stdin is closed is noticed, and another process is asked, or the request is lost with it
        if (Either.isRight(answer)) assert.strictEqual(answer.right, 1024 * 1024)
        else assert.deepInclude(answer.left, { _tag: "ProcessLost", reason: "its stdin is closed" })
        yield* until(() => "its end", () => !existsSync(`/proc/${pid}`))
      })))
})

describe("how a process is ended", () => {
  const closedWithin = (habits: ReadonlyArray<string>, prepare?: readonly [string, object]) =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark, ...habits)
        yield* pool.ready(server)
        if (prepare !== undefined) yield* pool.request(server, ...prepare)
        const { abandoned, elapsed } = yield* pool.shutdown
        assert.strictEqual(abandoned, 0)
        return [elapsed, marked(mark).length] as const
      }))

  it.live("P2: one that behaves is gone well within a second", () =>
    Effect.map(closedWithin([]), ([elapsed, left]) => {
      assert.strictEqual(left, 0)
      assert.isBelow(elapsed, 1_000)
    }))

  it.live("one that takes its time has it", () =>
    Effect.map(closedWithin(["--slow-end"]), ([, left]) => assert.strictEqual(left, 0)))

  it.live("one that ignores the end of its stdin gets TERM", () =>
    Effect.map(closedWithin(["--ignore-end"]), ([elapsed, left]) => {
      assert.strictEqual(left, 0)
      assert.isAtLeast(elapsed, 200)
    }))

  it.live("one that ignores everything gets KILL", () =>
    Effect.map(closedWithin(["--ignore-end", "--ignore-term"]), ([elapsed, left]) => {
      assert.strictEqual(left, 0)
      assert.isAtLeast(elapsed, 500)
    }))

  it.live("one whose child holds the pipes goes with that child", () =>
    Effect.map(
      closedWithin([], ["child", { detached: false, stdio: "inherit" }]),
      ([, left]) => assert.strictEqual(left, 0)
    ))

  it.live("one whose child holds nothing goes with that child too", () =>
    Effect.map(
      closedWithin([], ["child", { detached: false, stdio: "ignore" }]),
      ([, left]) => assert.strictEqual(left, 0)
    ))

  it.live("a child in a session of its own is out of reach; it holds up nothing and keeps no descriptor", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const server = own(mark)
        const child = Number(yield* pool.request(server, "child", { detached: true, stdio: "inherit" }))
        const { abandoned } = yield* pool.shutdown
        assert.strictEqual(abandoned, 0)
        assert.deepStrictEqual(marked(mark), [child])
        process.kill(child, "SIGKILL")
      })))

  it.live("one that is stopped is ended", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        process.kill(Number(yield* pool.request(own(mark), "pid")), "SIGSTOP")
        assert.strictEqual((yield* pool.shutdown).abandoned, 0)
        assert.deepStrictEqual(marked(mark), [])
      })))

  it.live("P3: one that is stopped while idle fails its check, and is replaced", () =>
    onPool(
      { ...once, healthCheckInterval: "100 millis", healthCheckTimeout: "200 millis" },
      (pool, mark) =>
        Effect.gen(function*() {
          const server = own(mark)
          const pid = Number(yield* pool.request(server, "pid"))
          process.kill(pid, "SIGSTOP")
          yield* until(() => "its end", () => !marked(mark).includes(pid))
          assert.notStrictEqual(yield* pool.request(server, "pid"), pid)
        })
    ))

  it.live("one that is stopped under load fails its requests, is found out, and is replaced", () =>
    onPool(
      { ...once, requestTimeout: "300 millis", healthCheckTimeout: "200 millis" },
      (pool, mark) =>
        Effect.gen(function*() {
          const server = own(mark)
          const pid = Number(yield* pool.request(server, "pid"))
          process.kill(pid, "SIGSTOP")
          const fibers = yield* Effect.forEach(
            Array.from({ length: 20 }),
            () => Effect.fork(Effect.flip(pool.request(server, "echo", { value: 1 })))
          )
          for (const error of yield* Fiber.join(Fiber.all(fibers))) assert.strictEqual(error._tag, "RequestTimeout")
          yield* until(() => "its end", () => !marked(mark).includes(pid))
          assert.strictEqual(yield* pool.request(server, "echo", { value: 1 }), 1)
        })
    ))

  it.live("one that is killed while it is being ended leaves nothing", () =>
    onPool(once, (pool, mark) =>
      Effect.gen(function*() {
        const pid = Number(yield* pool.request(own(mark, "--ignore-end", "--ignore-term"), "pid"))
        const shutdown = yield* Effect.fork(pool.shutdown)
        yield* Effect.sleep("300 millis")
        process.kill(pid, "SIGKILL")
        assert.strictEqual((yield* Fiber.join(shutdown)).abandoned, 0)
      })))
})

describe("back-pressure", () => {
  it.live("a process that does not read holds up who speaks to it, in bounded memory, until their time is over", () =>
    onPool(
      { ...once, requestTimeout: "1 second", healthCheckTimeout: "1 second" },
      (pool, mark) =>
        Effect.gen(function*() {
          const server = own(mark)
          yield* pool.request(server, "stopReading")
          const text = "x".repeat(1024 * 1024)
          const fibers = yield* Effect.forEach(
            Array.from({ length: 20 }),
            () => Effect.fork(Effect.flip(pool.request(server, "size", { text })))
          )
          const left = yield* Effect.fork(pool.notify(server, "note", { text }))
          yield* Effect.sleep("200 millis")
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(left)))
          const errors = yield* Fiber.join(Fiber.all(fibers))
          const late = errors.filter((error) => error._tag === "RequestTimeout")
          assert.strictEqual(late.length, 20)
          // one is in the pipe, the others are still ours
          assert.strictEqual(late.filter(({ written }) => written).length, 1)
          yield* until(() => "another process", () => marked(mark).length === 0)
          assert.strictEqual(yield* pool.request(server, "size", { text }), text.length)
        })
    ))
})

describe("other protocols", () => {
  it.live("plain JSON-RPC needs no handshake", () =>
    onPool({ ...once, protocol: Protocol.jsonRpc({ ping: "ping" }) }, (pool, mark) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* pool.request(own(mark, "--mute"), "echo", { value: 5 }), 5)
        assert.strictEqual(yield* pool.ready(own(mark, "--mute")), undefined)
      })))
})
