/** Long bodies that end with their connection and are not read to that end, whoever ends it. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { HttpError } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import { until } from "../parts/waiting.ts"
import { ok } from "./attack.ts"
import { paused } from "./delivery.ts"
import type { Rig } from "./rig.ts"
import { recovered, trial } from "./rig.ts"

const begun = "x".repeat(300_000)
// More than the system and the pool take together, so that the peer notices when nobody reads.
const most = Buffer.alloc(24 * 1024 * 1024, "x")
const heads: Readonly<Record<string, string>> = {
  "without a length": `${ok}\r\n`,
  "with a length, in the last response": `${ok}connection: close\r\ncontent-length: 1000000000\r\n\r\n`,
  "in chunks, in the last response": `${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n`,
  "with a length": `${ok}content-length: 1000000000\r\n\r\n`
}

/** The pool takes nothing more before somebody reads. */
const waits = ({ clients, peer }: Rig) => paused(clients, () => peer.connections[0])

for (const [title, head] of Object.entries(heads)) {
  const long = Faults.raw([head, most])

  describe(`a long body ${title}`, () => {
    it.effect("S5 that nobody reads is closed in time", () =>
      trial(long, {}, (rig) =>
        Effect.gen(function*() {
          yield* rig.client.get(rig.peer.origin)
          yield* waits(rig)
          // the limit begins when the head has been dealt with
          const gone = Effect.map(TestClock.adjust("1 seconds"), () => rig.peer.open() === 0)
          yield* until("the connection is closed", gone)
          yield* recovered(rig, 0)
        })))

    it.effect("P6 whose reader stops and is interrupted closes its connection", () =>
      trial(long, {}, (rig) =>
        Effect.gen(function*() {
          const response = yield* rig.client.get(rig.peer.origin)
          let isReading = false
          const reading = yield* Effect.fork(Stream.runForEach(response.stream, () => {
            isReading = true
            return Effect.never
          }))
          yield* until("the first piece is read", Effect.sync(() => isReading))
          yield* Fiber.interrupt(reading)
          yield* recovered(rig, 0)
        })))

    it.effect("P6 whose scope closes closes its connection", () =>
      trial(long, {}, (rig) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          yield* Scope.extend(HttpClient.withScope(rig.client).get(rig.peer.origin), scope)
          yield* waits(rig)
          yield* Scope.close(scope, Exit.void)
          yield* recovered(rig, 0)
        })))

    it.effect("P9 that the shutdown of the pool cuts is not taken for a whole one", () =>
      trial(long, {}, (rig) =>
        Effect.gen(function*() {
          const response = yield* rig.client.get(rig.peer.origin)
          const reading = yield* Effect.fork(Effect.flip(response.arrayBuffer))
          const closing = yield* Effect.fork(rig.pool.shutdown)
          yield* until("it is cut", Effect.map(TestClock.adjust("1 seconds"), () => closing.unsafePoll() !== null))
          assert.include(yield* Fiber.join(closing), { graceful: 0, cut: 1 })
          const cause = HttpError.causeOf(yield* Fiber.join(reading))
          assert.strictEqual(Option.getOrThrow(cause)._tag, "ConnectionLost")
        })))
  })
}

describe("a long body that waits for its reader", () => {
  for (const [title, head] of Object.entries(heads)) {
    it.effect(`P9 ${title}: the shutdown of the pool cuts it`, () =>
      trial(Faults.raw([`${head}${begun}`]), {}, (rig) =>
        Effect.gen(function*() {
          const response = yield* rig.client.get(rig.peer.origin)
          yield* waits(rig)
          const closing = yield* Effect.fork(rig.pool.shutdown)
          yield* until("it is cut", Effect.map(TestClock.adjust("1 seconds"), () => closing.unsafePoll() !== null))
          assert.include(yield* Fiber.join(closing), { graceful: 0, cut: 1 })
          const cause = HttpError.causeOf(yield* Effect.flip(response.text))
          assert.strictEqual(Option.getOrThrow(cause)._tag, "ConnectionLost")
        })))

    // A reset behind bytes that nobody has read yet looks like an end to Node.
    if (title === "without a length") continue
    it.effect(`S5 ${title}: the peer resets it`, () =>
      trial(Faults.raw([`${head}${begun}`]), {}, (rig) =>
        Effect.gen(function*() {
          const response = yield* rig.client.get(rig.peer.origin)
          yield* waits(rig)
          rig.peer.connections[0]?.socket.resetAndDestroy()
          const failure = yield* Effect.flip(response.text)
          assert.strictEqual(Option.getOrThrow(HttpError.causeOf(failure))._tag, "ConnectionLost")
          yield* recovered(rig, 0)
        })))
  }
})
