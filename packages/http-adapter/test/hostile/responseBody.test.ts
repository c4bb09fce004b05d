/** Bodies of responses that are not what their heads promised, or too much of it. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { HttpError } from "../../src/index.ts"
import type { Behaviour } from "../parts/tcp/peer.ts"
import { attacks, cut, gives, lost, ok } from "./attack.ts"
import { outcomeOf, recovered, trial } from "./rig.ts"

const closes = "connection: close\r\n"
const chunked = `${ok}transfer-encoding: chunked\r\n\r\n`
const missing = cut("ConnectionLost")
const malformed = cut("ResponseMalformed")

describe.each(["end", "reset"] as const)("a response that breaks off with a plain end or a reset (%s)", (ends) => {
  attacks("S5", [
    { title: "before its first byte", says: [], ends, gives: lost("ConnectionLost") },
    { title: "behind its first byte", says: ["H"], ends, gives: lost("ConnectionLost") },
    { title: "in its status line", says: ["HTTP/1.1 20"], ends, gives: lost("ConnectionLost") },
    { title: "in a header", says: [`${ok}content-le`], ends, gives: lost("ConnectionLost") },
    { title: "behind the length", says: [`${ok}content-length: 5\r\nx`], ends, gives: lost("ConnectionLost") },
    { title: "before the empty line", says: [`${ok}content-length: 0\r\n`], ends, gives: lost("ConnectionLost") },
    { title: "behind an interim one", says: ["HTTP/1.1 102 Wait\r\n\r\n"], ends, gives: lost("ConnectionLost") },
    { title: "before its body", says: [`${ok}content-length: 5\r\n\r\n`], ends, gives: missing },
    { title: "in its body", says: [`${ok}content-length: 5\r\n\r\nab`], ends, gives: missing },
    { title: "in its last body", says: [`${ok}${closes}content-length: 5\r\n\r\nab`], ends, gives: missing },
    { title: "in the size of a chunk", says: [`${chunked}5`], ends, gives: missing },
    { title: "in a chunk", says: [`${chunked}5\r\nab`], ends, gives: missing },
    { title: "behind a chunk", says: [`${chunked}2\r\nab\r\n`], ends, gives: missing },
    { title: "in the last chunk", says: [`${chunked}2\r\nab\r\n0\r\n`], ends, gives: missing },
    {
      title: "in a chunk of its last body",
      says: [`${ok}${closes}transfer-encoding: chunked\r\n\r\n5\r\nab`],
      ends,
      gives: missing
    },
    {
      title: "behind a length of 2^63 - 1",
      says: [`${ok}content-length: 9223372036854775807\r\n\r\nab`],
      ends,
      gives: missing
    },
    { title: "behind a chunk of 2^64 - 1", says: [`${chunked}ffffffffffffffff\r\nab`], ends, gives: missing }
  ])
})

describe("a body that ends with the connection", () => {
  attacks("S5", [
    { title: "is whole when the peer ends", says: [`${ok}\r\nab`, "cd"], ends: "end", gives: gives(200, "abcd") },
    { title: "is not whole when the peer resets", says: [`${ok}\r\nab`, "cd"], ends: "reset", gives: missing },
    { title: "may be empty", says: [`${ok}\r\n`], ends: "end", gives: gives(200, "") },
    { title: "of HTTP/1.0", says: ["HTTP/1.0 200 OK\r\n\r\nab"], ends: "end", gives: gives(200, "ab") },
    { title: "of HTTP/1.0, reset", says: ["HTTP/1.0 200 OK\r\n\r\nab"], ends: "reset", gives: missing },
    {
      title: "in an unknown coding",
      says: [`${ok}transfer-encoding: gzip\r\n\r\nab`],
      ends: "end",
      gives: gives(200, "ab")
    },
    {
      title: "chunked, but not at last",
      says: [`${ok}transfer-encoding: chunked, gzip\r\n\r\nab`],
      ends: "end",
      gives: gives(200, "ab")
    }
  ])
})

describe("a chunk", () => {
  const size = (text: string) => [`${chunked}${text}\r\nab\r\n0\r\n\r\n`]
  attacks("S5", [
    { title: "with a size in letters", says: size("xyz"), gives: malformed },
    { title: "with a negative size", says: size("-2"), gives: malformed },
    { title: "with a size with a prefix", says: size("0x2"), gives: malformed },
    { title: "with no size", says: size(""), gives: malformed },
    { title: "with a space before its size", says: size(" 2"), gives: malformed },
    { title: "with a size of more than 64 bits", says: size("f".repeat(18)), gives: malformed },
    { title: "longer than its size", says: size("1"), gives: malformed },
    { title: "shorter than its size", says: size("3"), gives: malformed },
    { title: "with an extension", says: size("2;name=value"), gives: gives(200, "ab"), keeps: true },
    { title: "with zeros before its size", says: size("0002"), gives: gives(200, "ab"), keeps: true },
    { title: "ending in LF alone", says: [`${chunked}2\nab\n0\n\n`], gives: malformed },
    {
      title: "before trailers",
      says: [`${chunked}2\r\nab\r\n0\r\nx: y\r\n\r\n`],
      gives: gives(200, "ab"),
      keeps: true
    },
    { title: "before broken trailers", says: [`${chunked}2\r\nab\r\n0\r\nnonsense\r\n\r\n`], gives: malformed },
    {
      title: "before endless trailers",
      says: [`${chunked}2\r\nab\r\n0\r\n${"x: y\r\n".repeat(20_000)}`],
      gives: cut("HeadersTooLarge")
    }
  ])
})

/** Sends a head, and then the same again and again. */
const endless = (head: string, again: string): Behaviour => ({
  onRequest: ({ socket }) => {
    const go = () => {
      if (!socket.destroyed) socket.write(again.repeat(100), () => setImmediate(go))
    }
    socket.write(head, go)
  }
})

describe("a body larger than allowed", () => {
  const limited = { maxResponseSize: 10 }
  const tooLarge = cut("BodyTooLarge")
  const eleven = "x".repeat(11)
  attacks("S5", [
    { title: "by its length", says: [`${ok}content-length: 11\r\n\r\n${eleven}`], options: limited, gives: tooLarge },
    {
      title: "in chunks",
      says: [`${chunked}6\r\nabcdef\r\n5\r\n`, "ghijk\r\n0\r\n\r\n"],
      options: limited,
      gives: tooLarge
    },
    { title: "without a length", says: [`${ok}\r\n${eleven}`], options: limited, gives: tooLarge },
    {
      title: "in its last response",
      says: [`${ok}${closes}content-length: 11\r\n\r\n${eleven}`],
      options: limited,
      gives: tooLarge
    },
    {
      title: "by not one byte",
      says: [`${ok}content-length: 10\r\n\r\n0123456789`],
      options: limited,
      gives: gives(200, "0123456789"),
      keeps: true
    }
  ])

  const large = { maxResponseSize: 300_000 }
  for (
    const [title, head, again] of [
      ["in chunks", chunked, "10\r\n0123456789abcdef\r\n"],
      ["without a length", `${ok}\r\n`, "0123456789abcdef"],
      ["with a length of 2^60", `${ok}content-length: ${2 ** 60}\r\n\r\n`, "0123456789abcdef"]
    ] as const
  ) {
    it.effect(`S5 endless, ${title}, is given up when it exceeds the limit`, () =>
      trial(endless(head, again), large, (rig) =>
        Effect.gen(function*() {
          const outcome = yield* outcomeOf(rig, HttpClientRequest.get(rig.peer.origin))
          assert.deepStrictEqual(outcome, tooLarge)
          yield* recovered(rig, 0)
        })))

    it.effect(`S5 endless, ${title}, as a stream fails behind what was allowed`, () =>
      trial(endless(head, again), large, (rig) =>
        Effect.gen(function*() {
          let read = 0
          const response = yield* rig.client.get(rig.peer.origin)
          const failure = yield* Effect.flip(
            Stream.runForEach(response.stream, (piece) => Effect.sync(() => read += piece.length))
          )
          assert.strictEqual(Option.getOrThrow(HttpError.causeOf(failure))._tag, "BodyTooLarge")
          assert.isAtLeast(read, large.maxResponseSize)
          yield* recovered(rig, 0)
        })))
  }
})
