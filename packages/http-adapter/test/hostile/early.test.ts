/** Answers that come while the body of the request is still on its way. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Faults from "../parts/tcp/faults.ts"
import type { Behaviour, Connection } from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { gives } from "./attack.ts"
import type { Rig } from "./rig.ts"
import { outcomeOf, recovered, settled, trial } from "./rig.ts"

const tooLarge = Faults.response("no", "413 Content Too Large")
const lastWord = Faults.response("no", "413 Content Too Large", "connection: close\r\n")

/** Does this once, as soon as the first bytes are there, and reads no further. */
const early = (answer: (connection: Connection) => void): Behaviour => ({
  onBytes: (connection) => {
    connection.socket.pause()
    answer(connection)
  }
})

/** Now it reads again, which is how it learns that the connection is closed. */
const readsAgain = ({ peer }: Rig) => Effect.sync(() => void peer.connections[0]?.socket.resume())

// More than the system holds back for a connection on both sides.
const large = 32 * 1024 * 1024
const piece = new Uint8Array(64 * 1024)

/** Pieces without an end, and whether somebody still takes them. */
const endless = () => {
  const state = { taken: 0, stopped: false }
  const body = Stream.repeatEffect(Effect.sync(() => {
    state.taken++
    return piece
  })).pipe(Stream.ensuring(Effect.sync(() => state.stopped = true)))
  return { state, body }
}

describe("a peer that answers 413 at once", () => {
  const answers: Readonly<Record<string, (connection: Connection) => void>> = {
    "and keeps the connection, but reads no further": ({ socket }) => void socket.write(tooLarge),
    "and says that it will close": ({ socket }) => void socket.write(lastWord),
    "and ends its side": ({ socket }) => void socket.end(lastWord)
  }
  for (const [title, answer] of Object.entries(answers)) {
    it.effect(`S5 ${title}: a stream is stopped, and its connection closed`, () =>
      trial(early(answer), {}, (rig) =>
        Effect.gen(function*() {
          const { body, state } = endless()
          const request = HttpClientRequest.post(rig.peer.origin, { body: HttpBody.stream(body) })
          assert.deepStrictEqual(yield* outcomeOf(rig, request), gives(413, "no"))
          yield* until("the stream is stopped", Effect.sync(() => state.stopped))
          rig.peer.become({})
          yield* readsAgain(rig)
          yield* recovered(rig, 0)
        })))

    it.effect(`S5 ${title}: bytes that are not yet written go to nobody`, () =>
      trial(early(answer), {}, (rig) =>
        Effect.gen(function*() {
          const request = HttpClientRequest.post(rig.peer.origin, { body: HttpBody.uint8Array(new Uint8Array(large)) })
          assert.deepStrictEqual(yield* outcomeOf(rig, request), gives(413, "no"))
          rig.peer.become({})
          yield* readsAgain(rig)
          yield* recovered(rig, 0)
        })))
  }

  for (const how of ["end", "reset"] as const) {
    it.effect(`S5 and closes, with what it has not read (${how}): the answer, or a connection that is lost`, () =>
      trial(
        early(({ socket }) => {
          socket.write(lastWord, () => how === "end" ? socket.destroy() : socket.resetAndDestroy())
        }),
        {},
        (rig) =>
          Effect.gen(function*() {
            const { body, state } = endless()
            const outcome = yield* outcomeOf(
              rig,
              HttpClientRequest.post(rig.peer.origin, { body: HttpBody.stream(body) })
            )
            // The system may throw away what has arrived when a reset does.
            const expected = "failed" in outcome
              ? { ...outcome, cause: "ConnectionLost" }
              : gives(413, "no")
            assert.deepStrictEqual(outcome, expected)
            yield* until("the stream is stopped", Effect.sync(() => state.stopped))
            yield* settled(rig, 0)
            yield* recovered(rig, 0)
          })
      ))
  }

  it.effect("S5 and goes on to read: the connection serves on when all of the request is written", () =>
    trial(Faults.answers(() => tooLarge), {}, (rig) =>
      Effect.gen(function*() {
        const read = 1024 * 1024
        const body = HttpBody.uint8Array(new Uint8Array(read))
        const outcome = yield* outcomeOf(rig, HttpClientRequest.post(rig.peer.origin, { body }))
        assert.deepStrictEqual(outcome, gives(413, "no"))
        assert.deepStrictEqual(rig.peer.requests().map((one) => one.body.length), [read])
        yield* recovered(rig, 1)
      })))
})

describe("a peer that breaks the connection amid the body of a request", () => {
  for (const how of ["end", "reset"] as const) {
    it.effect(`S5 (${how}): it is lost, and the stream is stopped`, () =>
      trial(
        early(({ socket }) => {
          if (how === "end") socket.destroy()
          else socket.resetAndDestroy()
        }),
        {},
        (rig) =>
          Effect.gen(function*() {
            const { body, state } = endless()
            const request = HttpClientRequest.put(rig.peer.origin, { body: HttpBody.stream(body) })
            assert.deepStrictEqual(yield* outcomeOf(rig, request), {
              failed: "RequestError",
              reason: "Transport",
              cause: "ConnectionLost"
            })
            yield* until("the stream is stopped", Effect.sync(() => state.stopped))
            yield* recovered(rig, 0)
          })
      ))
  }
})
