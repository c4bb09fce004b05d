import { assert, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Scheduler, Stream } from "effect"
import { Outbox } from "../src/internal/outbox.ts"

/** Takes the turn away at one operation, the n-th, and does something in between. */
class OneInterruption implements Scheduler.Scheduler {
  private readonly at: number
  private readonly meanwhile: () => void
  private operations = 0

  constructor(at: number, meanwhile: () => void) {
    this.at = at
    this.meanwhile = meanwhile
  }

  scheduleTask(task: () => void, priority: number): void {
    Scheduler.defaultScheduler.scheduleTask(task, priority)
  }

  shouldYield(): number | false {
    this.operations++
    if (this.operations !== this.at) return false
    this.meanwhile()
    return 0
  }
}

it.effect("a letter is never missed, at whatever moment the writer loses its turn", () =>
  Effect.gen(function*() {
    for (let operation = 1;; operation++) {
      const outbox = new Outbox()
      outbox.post(Buffer.from("first"))
      const written: Array<Uint8Array> = []
      let posted = false
      const scheduler = new OneInterruption(operation, () => {
        posted = true
        outbox.post(Buffer.from("second"))
      })
      const write = Stream.runForEachChunk(
        outbox.stream,
        (chunk) => Effect.sync(() => written.push(...Chunk.toReadonlyArray(chunk)))
      )
      const writer = yield* Effect.fork(Effect.withScheduler(write, scheduler))
      for (let turn = 0; turn < 20; turn++) yield* Effect.promise(() => Promise.resolve())
      const atRest = !posted
      if (!atRest) assert.strictEqual(Buffer.concat(written).toString(), "first\nsecond\n", `at operation ${operation}`)
      yield* Fiber.interrupt(writer)
      // every operation until it rests was tried
      if (atRest) return assert.isAbove(operation, 20)
    }
  }))
