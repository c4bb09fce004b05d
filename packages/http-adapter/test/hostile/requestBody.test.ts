/** Bodies of requests that are not as long as was said: the peer must never take what it got for a whole request. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { until } from "../parts/waiting.ts"
import { gives, refused } from "./attack.ts"
import { healthy, outcomeOf, recovered, settled, trial } from "./rig.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const stream = (length: number | undefined, ...pieces: ReadonlyArray<string>) => () =>
  HttpBody.stream(Stream.fromIterable(pieces.map(bytes)), "text/plain", length)
const node = (length: number, ...pieces: ReadonlyArray<string>) => () =>
  HttpBody.raw(Readable.from(pieces.map((piece) => Buffer.from(piece))), { contentLength: length })
const failing = (before: ReadonlyArray<string>, failure: Stream.Stream<never, unknown>, length?: number) => () =>
  HttpBody.stream(Stream.concat(Stream.fromIterable(before.map(bytes)), failure), "text/plain", length)

const bodyFailed = refused("RequestBodyFailed")
const invalid = refused("RequestInvalid")

const wrong: Readonly<Record<string, readonly [body: () => HttpBody.HttpBody, outcome: typeof bodyFailed]>> = {
  "a stream that is shorter": [stream(5, "ab", "c"), bodyFailed],
  "a stream that is empty": [stream(5), bodyFailed],
  "a stream of empty pieces": [stream(5, "", ""), bodyFailed],
  "a stream that is longer": [stream(5, "abc", "def"), bodyFailed],
  "a stream that is longer at once": [stream(5, "abcdef"), bodyFailed],
  "a stream that has something instead of nothing": [stream(0, "abc"), bodyFailed],
  "a stream that fails before its first byte": [failing([], Stream.fail("no")), bodyFailed],
  "a stream that fails on its way": [failing(["ab"], Stream.fail("no")), bodyFailed],
  "a stream that fails on its way to a length": [failing(["ab"], Stream.fail("no"), 5), bodyFailed],
  "a stream that dies": [failing(["ab"], Stream.die(new Error("no"))), bodyFailed],
  "a stream of something else": [
    // somebody has cast, as here
    () => HttpBody.stream(Stream.make("text") as unknown as Stream.Stream<Uint8Array>, "text/plain"),
    bodyFailed
  ],
  "a stream of Node's that is shorter": [node(5, "ab", "c"), bodyFailed],
  "a stream of Node's that is longer": [node(5, "abc", "def"), bodyFailed],
  "a length below nothing": [stream(-1, "abc"), invalid],
  "a length that is no number": [stream(Number.NaN, "abc"), invalid],
  "a length of two and a half": [stream(2.5, "abc"), invalid],
  "a length without an end": [stream(Infinity, "abc"), invalid],
  "a length beyond all numbers": [stream(1e21, "abc"), invalid]
}

for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
  describe(method, () => {
    for (const [title, [body, outcome]] of Object.entries(wrong)) {
      it.effect(`S5 ${title} is no request to the peer`, () =>
        trial(healthy, {}, (rig) =>
          Effect.gen(function*() {
            const request = HttpClientRequest.make(method)(rig.peer.origin, { body: body() })
            assert.deepStrictEqual(yield* outcomeOf(rig, request), outcome)
            yield* settled(rig, 0)
            assert.deepStrictEqual(rig.peer.requests(), [])
            yield* recovered(rig, 0)
          })))
    }

    for (const declared of ["2", "4", "03", "3 ", "three", "-3", "3,3", ""]) {
      it.effect(`S5 a content-length of ${JSON.stringify(declared)} for 3 bytes`, () =>
        trial(healthy, {}, (rig) =>
          Effect.gen(function*() {
            const request = HttpClientRequest.make(method)(rig.peer.origin, { body: HttpBody.text("abc") })
            const outcome = yield* outcomeOf(rig, HttpClientRequest.setHeader(request, "content-length", declared))
            const [sent] = rig.peer.requests()
            // what is sent at all is sent with its own length
            if (sent !== undefined) assert.strictEqual(sent.headers["content-length"], "3")
            assert.deepStrictEqual(outcome, declared === "03" ? gives(200, `${method} /`) : invalid)
            yield* recovered(rig, sent === undefined ? 0 : 1)
          })))
    }

    for (const body of [stream(3, "ab", "c"), stream(undefined, "ab", "", "c"), node(3, "ab", "c")]) {
      it.effect("S5 what has its length arrives as it is, and the connection goes on", () =>
        trial(healthy, {}, (rig) =>
          Effect.gen(function*() {
            const request = HttpClientRequest.make(method)(rig.peer.origin, { body: body() })
            assert.deepStrictEqual(yield* outcomeOf(rig, request), gives(200, `${method} /`))
            assert.deepStrictEqual(rig.peer.requests().map((one) => one.body.toString()), ["abc"])
            yield* recovered(rig, 1)
          })))
    }
  })
}

it.effect("S5 a stream that fails behind its last byte fails, although the peer has got all of it", () =>
  trial(healthy, {}, (rig) =>
    Effect.gen(function*() {
      const body = failing(["abcde"], Stream.fail("no"), 5)()
      assert.deepStrictEqual(yield* outcomeOf(rig, HttpClientRequest.post(rig.peer.origin, { body })), bodyFailed)
      yield* recovered(rig, 0)
    })))

it.effect("P6 a request interrupted while its body hangs closes its connection", () =>
  trial(healthy, {}, (rig) =>
    Effect.gen(function*() {
      let stopped = false
      const hanging = Stream.concat(Stream.make(bytes("abc")), Stream.never)
      const body = Stream.ensuring(hanging, Effect.sync(() => stopped = true))
      const request = HttpClientRequest.post(rig.peer.origin, { body: HttpBody.stream(body) })
      const asking = yield* Effect.fork(outcomeOf(rig, request))
      const arrived = Effect.sync(() => /abc/u.test(rig.peer.connections[0]?.bytes().toString() ?? ""))
      yield* until("the first bytes arrive", arrived)
      yield* Fiber.interrupt(asking)
      yield* recovered(rig, 0)
      yield* until("the stream is stopped", Effect.sync(() => stopped))
      assert.deepStrictEqual(rig.peer.requests().map(({ method }) => method), ["GET"])
    })))
