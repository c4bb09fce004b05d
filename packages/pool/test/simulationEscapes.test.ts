import { Effect, Layer, ManagedRuntime, Runtime, Schedule, TestClock, TestContext } from "effect"
import * as FileSystem from "node:fs"
import * as Net from "node:net"
import { assert, describe, it } from "vitest"
import { simulate } from "./simulation/simulate.ts"

/** As a library holds it that was loaded before the run. */
const CapturedDate = Date

describe("an escape", () => {
  const escapes: Record<string, Effect.Effect<unknown, unknown>> = {
    "setTimeout": Effect.sync(() => setTimeout(() => {}, 1)),
    "setInterval": Effect.sync(() => setInterval(() => {}, 1)),
    "setImmediate": Effect.sync(() => setImmediate(() => {})),
    "queueMicrotask": Effect.sync(() => queueMicrotask(() => {})),
    "process.nextTick": Effect.sync(() => process.nextTick(() => {})),
    "a promise": Effect.sync(() => void Promise.resolve()),
    "an async function": Effect.sync(() => void (async () => {})()),
    "Effect.promise": Effect.promise(() => Promise.resolve()),
    "a file": Effect.async<Buffer>((resume) =>
      FileSystem.readFile(import.meta.filename, (_error, data) => resume(Effect.succeed(data)))
    ),
    "a socket": Effect.sync(() => new Net.Socket().on("error", () => {}).connect(1, "127.0.0.1").destroy()),
    "Effect.runFork": Effect.sync(() => Effect.runFork(Effect.yieldNow())),
    "Effect.runPromise": Effect.sync(() => void Effect.runPromise(Effect.void)),
    "ManagedRuntime": Effect.sync(() => ManagedRuntime.make(Layer.empty).runFork(Effect.sleep(1))),
    "TestClock": Effect.provide(TestClock.adjust("1 second"), TestContext.TestContext),
    "the real clock": Effect.withClock(Effect.sleep(1), Effect.runSync(Effect.clock))
  }
  for (const [name, program] of Object.entries(escapes)) {
    it(`by ${name} is caught`, () => {
      const { failure } = simulate(1, () => program)
      assert.strictEqual(failure?.kind, "escape", failure?.detail)
      assert.include(failure?.detail, "escaped the simulation")
    })
  }

  const allowed: Record<string, Effect.Effect<unknown, unknown>> = {
    "sleep, timeout and Schedule": Effect.sleep(1).pipe(
      Effect.timeout("1 second"),
      Effect.repeat(Schedule.jittered(Schedule.spaced("1 second")).pipe(Schedule.intersect(Schedule.recurs(3))))
    ),
    "fork, race and forEach": Effect.raceFirst(
      Effect.never,
      Effect.forEach([1, 2, 3], Effect.sleep, { concurrency: 3 })
    ),
    "a captured runtime": Effect.flatMap(
      Effect.runtime(),
      (runtime) => Effect.fromFiber(Runtime.runFork(runtime)(Effect.sleep(1)))
    ),
    "an abort signal": Effect.async<void>((resume, signal) => resume(signal.aborted ? Effect.never : Effect.void)),
    "logs and spans": Effect.withSpan(Effect.logWarning("careful", { with: "objects" }), "span"),
    "the chance of the process": Effect.sync(() => Math.random())
  }
  for (const [name, program] of Object.entries(allowed)) {
    it(`is not seen in ${name}`, () => {
      const first = simulate(1, () => program)
      assert.isTrue(first.ok, first.failure?.detail)
      assert.deepStrictEqual(simulate(1, () => program), first)
    })
  }

  it("into the time of the process is impossible: it is virtual", () => {
    const read = Effect.sync(() => [Date.now(), CapturedDate.now(), new Date().getTime(), performance.now()])
    const { exit } = simulate(1, () => Effect.zipRight(Effect.sleep(5), read), { earlyTimerProbability: 0 })
    assert.deepStrictEqual(exit, Effect.runSyncExit(Effect.succeed([5, 5, 5, 5])))
    const nanos = simulate(1, () => Effect.zipRight(Effect.sleep(5), Effect.sync(() => process.hrtime.bigint())))
    assert.deepStrictEqual(nanos.exit, Effect.runSyncExit(Effect.succeed(5_000_000n)))
  })

  it("is possible again outside a run", async () => {
    const doors = () => [setTimeout, setInterval, setImmediate, queueMicrotask, process.nextTick, Date, Date.now]
    const before = doors()
    const first = Date.now()
    simulate(1, () => Effect.sleep("1 second"))
    simulate(1, () => Effect.die("boom"))
    assert.isTrue(doors().every((door, index) => door === before[index]))
    assert.isAtLeast(Date.now(), first)
    assert.strictEqual(await Effect.runPromise(Effect.as(Effect.sleep(1), "awake")), "awake")
    const nested = simulate(1, () => Effect.sync(() => simulate(1, () => Effect.void)))
    assert.match(nested.failure?.detail ?? "", /cannot run inside another/)
  })
})
