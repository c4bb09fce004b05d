/** Responses that take for ever. Time is virtual: it passes when the test says so, however slow the sockets are. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { HttpError } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import type { Behaviour } from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { cut, lost, ok } from "./attack.ts"
import type { Outcome } from "./rig.ts"
import { outcomeOf, recovered, trial } from "./rig.ts"

/** Sends a head, and then the same again and again. */
const endless = (head: string, again: string): Behaviour => ({
  onRequest: ({ socket }) => {
    const go = () => {
      if (!socket.destroyed) socket.write(again, () => setImmediate(go))
    }
    socket.write(head, go)
  }
})

const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`

const late: ReadonlyArray<
  readonly [title: string, behaviour: Behaviour, options: Partial<HttpAdapterConfig.Options>, outcome: Outcome]
> = [
  ["a head that never begins", Faults.neverAnswers, { responseTimeout: "3 seconds" }, lost("ResponseTimeout")],
  [
    "a head that stops in the middle",
    Faults.raw(["HTTP/1.1 200 OK\r\nx: "]),
    { responseTimeout: "3 seconds" },
    lost("ResponseTimeout")
  ],
  [
    "a status line without an end",
    endless("HTTP/1.1 200 ", "o"),
    { responseTimeout: "3 seconds" },
    lost("ResponseTimeout")
  ],
  [
    "interim responses without an end",
    endless("", "HTTP/1.1 102 Wait\r\n\r\n"),
    { responseTimeout: "3 seconds" },
    lost("ResponseTimeout")
  ],
  ["empty lines without an end", endless("", "\r\n"), { responseTimeout: "3 seconds" }, lost("ResponseTimeout")],
  [
    "a body that never begins",
    Faults.raw([`${ok}content-length: 5\r\n\r\n`]),
    { bodyTimeout: "3 seconds" },
    cut("BodyTimeout")
  ],
  [
    "a body that stops in the middle",
    Faults.raw([`${ok}content-length: 5\r\n\r\nab`]),
    { bodyTimeout: "3 seconds" },
    cut("BodyTimeout")
  ],
  [
    "chunks that stop in the middle",
    Faults.raw([`${chunked}5\r\nab`]),
    { bodyTimeout: "3 seconds" },
    cut("BodyTimeout")
  ],
  ["chunks without the last", Faults.raw([`${chunked}2\r\nab\r\n`]), { bodyTimeout: "3 seconds" }, cut("BodyTimeout")],
  ["a body whose connection never ends", Faults.raw([`${ok}\r\nab`]), { bodyTimeout: "3 seconds" }, cut("BodyTimeout")],
  [
    "an extension of a chunk without an end",
    endless(`${chunked}5;x=`, "y"),
    { bodyTimeout: "3 seconds" },
    cut("BodyTimeout")
  ],
  [
    "trailers that stop in the middle",
    Faults.raw([`${chunked}2\r\nab\r\n0\r\nx: `]),
    { bodyTimeout: "3 seconds" },
    cut("BodyTimeout")
  ]
]

describe("patience ends", () => {
  for (const [title, behaviour, options, expected] of late) {
    it.effect(`S5 with ${title}`, () =>
      trial(behaviour, options, (rig) =>
        Effect.gen(function*() {
          const asking = yield* Effect.fork(outcomeOf(rig, HttpClientRequest.get(rig.peer.origin)))
          yield* until("the request arrives", Effect.sync(() => rig.peer.requests().length === 1))
          // The limit on a body begins with its head, which is on its way: so time passes until it is noticed.
          yield* until("it is given up", Effect.map(TestClock.adjust("1 seconds"), () => asking.unsafePoll() !== null))
          assert.deepStrictEqual(yield* Fiber.join(asking), expected)
          yield* recovered(rig, 0)
        })))
  }

  it.effect("S5 not as long as something comes", () =>
    trial(Faults.raw([chunked]), { bodyTimeout: "3 seconds" }, (rig) =>
      Effect.gen(function*() {
        const response = yield* rig.client.get(rig.peer.origin)
        let read = ""
        const reading = yield* Effect.fork(
          Stream.runForEach(response.stream, (piece) => Effect.sync(() => read += Buffer.from(piece).toString()))
        )
        const socket = rig.peer.connections[0]?.socket
        for (const piece of "abcdef") {
          yield* TestClock.adjust("2 seconds")
          socket?.write(`1\r\n${piece}\r\n`)
          yield* until("it is read", Effect.sync(() => read.endsWith(piece)))
        }
        socket?.write("0\r\n\r\n")
        yield* Fiber.join(reading)
        assert.strictEqual(read, "abcdef")
        yield* recovered(rig, 1)
      })))

  it.effect("S5 with what is read as a stream, which keeps what came before", () =>
    trial(
      Faults.raw([`${ok}content-length: 5\r\n\r\nab`]),
      { bodyTimeout: "3 seconds" },
      (rig) =>
        Effect.gen(function*() {
          const response = yield* rig.client.get(rig.peer.origin)
          let read = ""
          const reading = yield* Effect.fork(Effect.flip(
            Stream.runForEach(response.stream, (piece) => Effect.sync(() => read += Buffer.from(piece).toString()))
          ))
          yield* until("the first bytes are read", Effect.sync(() => read === "ab"))
          yield* TestClock.adjust("3 seconds")
          const failure = yield* Fiber.join(reading)
          assert.strictEqual(Option.getOrThrow(HttpError.causeOf(failure))._tag, "BodyTimeout")
          yield* recovered(rig, 0)
        })
    ))
})
