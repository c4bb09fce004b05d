/** Heads of responses as no server should write them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Faults from "../parts/tcp/faults.ts"
import { attacks, gives, lost, ok } from "./attack.ts"
import { recovered, trial } from "./rig.ts"

const malformed = lost("ResponseMalformed")
const rest = "content-length: 2\r\n\r\nok"

/** One header, or what is in the place of one, before those of a good response. */
const withLine = (line: string): ReadonlyArray<string> => [`${ok}${line}\r\n${rest}`]
/** The same behind them: what was read before is no reason to call it something else. */
const withLastLine = (line: string): ReadonlyArray<string> => [`${ok}content-length: 2\r\n${line}\r\n\r\nok`]

describe("what is no HTTP", () => {
  attacks("S5", [
    { title: "a text", says: ["hello, who is there?\r\n\r\n"], gives: malformed },
    { title: "a text, and the end", says: ["hello"], ends: "end", gives: malformed },
    { title: "the greeting of SSH", says: ["SSH-2.0-OpenSSH_9.6\r\n"], gives: malformed },
    { title: "the greeting of SMTP", says: ["220 mail ESMTP\r\n"], gives: malformed },
    { title: "an alert of TLS", says: ["\x15\x03\x01\x00\x02\x02\x46"], gives: malformed },
    { title: "zeros", says: ["\0".repeat(100)], gives: malformed },
    { title: "a request", says: ["GET / HTTP/1.1\r\nhost: x\r\n\r\n"], gives: malformed },
    { title: "a body alone, as in HTTP/0.9", says: ["<html>hello</html>"], ends: "end", gives: malformed },
    { title: "Shoutcast's status line", says: [`ICY 200 OK\r\n${rest}`], gives: malformed }
  ])
})

describe("a status line", () => {
  const line = (text: string) => [`${text}\r\n${rest}`]
  attacks("S5", [
    { title: "of two digits", says: line("HTTP/1.1 99 Low"), gives: malformed },
    { title: "of four digits", says: line("HTTP/1.1 1000 High"), gives: malformed },
    { title: "of a negative status", says: line("HTTP/1.1 -200 OK"), gives: malformed },
    { title: "of letters", says: line("HTTP/1.1 abc OK"), gives: malformed },
    { title: "without a status", says: line("HTTP/1.1"), gives: malformed },
    { title: "in lower case", says: line("http/1.1 200 OK"), gives: malformed },
    { title: "of a version that does not exist", says: line("HTTP/1.2 200 OK"), gives: malformed },
    { title: "with spaces before it", says: line("  HTTP/1.1 200 OK"), gives: malformed },
    { title: "without a reason", says: line("HTTP/1.1 200"), gives: gives(200, "ok"), keeps: true },
    { title: "of an unknown status", says: line("HTTP/1.1 999 Denied"), gives: gives(999, "ok"), keeps: true },
    { title: "behind empty lines", says: line("\r\n\r\nHTTP/1.1 200 OK"), gives: gives(200, "ok"), keeps: true }
  ])
})

describe("a header", () => {
  attacks("S5", [
    { title: "without a colon", says: withLine("nonsense"), gives: malformed },
    { title: "without a colon, last", says: withLastLine("nonsense"), gives: malformed },
    { title: "without a name", says: withLine(": value"), gives: malformed },
    { title: "with a space before the colon", says: withLine("x : y"), gives: malformed },
    { title: "with a space in its name", says: withLine("x y: z"), gives: malformed },
    { title: "folded, as it was allowed once", says: withLine("x: a\r\n b"), gives: malformed },
    { title: "folded, last", says: withLastLine("x: a\r\n\tb"), gives: malformed },
    { title: "with a NUL in its value", says: withLine("x: a\0b"), gives: malformed },
    { title: "with a NUL in its name", says: withLine("x\0: a"), gives: malformed },
    { title: "with a CR in its value", says: withLine("x: a\rb"), gives: malformed },
    { title: "all ending in LF alone", says: ["HTTP/1.1 200 OK\ncontent-length: 2\n\nok"], gives: malformed },
    { title: "with letters beyond ASCII", says: withLine("x: \xe9\xff"), gives: gives(200, "ok"), keeps: true }
  ])

  it.effect("S5 keeps the names that mean something to JavaScript", () =>
    trial(
      Faults.raw([`${ok}__proto__: 1\r\nconstructor: 2\r\nCONSTRUCTOR: 3\r\nhasOwnProperty: 4\r\n${rest}`]),
      {},
      (rig) =>
        Effect.gen(function*() {
          const { headers } = yield* Effect.orDie(rig.client.get(rig.peer.origin))
          const { constructor, hasownproperty } = headers
          assert.deepStrictEqual({ constructor, hasownproperty }, { constructor: "2, 3", hasownproperty: "4" })
          assert.isUndefined(({} as Record<string, unknown>)["1"])
          yield* recovered(rig, 1)
        })
    ))
})

describe("the length of a body", () => {
  const length = (...values: ReadonlyArray<string>) => [
    `${ok}${values.map((value) => `content-length: ${value}\r\n`).join("")}\r\nok`
  ]
  const both = `content-length: 2\r\ntransfer-encoding: chunked\r\n`
  const chunks = "\r\n2\r\nok\r\n0\r\n\r\n"
  attacks("S5", [
    { title: "given twice, differently", says: length("2", "3"), gives: malformed },
    { title: "given twice, differently, the first nothing", says: length("0", "2"), gives: malformed },
    { title: "given twice, the same", says: length("2", "2"), gives: malformed },
    { title: "given as a list", says: length("2, 2"), gives: malformed },
    { title: "negative", says: length("-2"), gives: malformed },
    { title: "with a plus", says: length("+2"), gives: malformed },
    { title: "in hexadecimal", says: length("0x2"), gives: malformed },
    { title: "with a fraction", says: length("2.0"), gives: malformed },
    { title: "in words", says: length("two"), gives: malformed },
    { title: "empty", says: length(""), gives: malformed },
    { title: "of 30 digits", says: length("9".repeat(30)), gives: malformed },
    { title: "and chunks", says: [`${ok}${both}${chunks}`], gives: malformed },
    {
      title: "and chunks, the other way round",
      says: [
        `${ok}transfer-encoding: chunked\r\ncontent-length: 2\r\n${chunks}`
      ],
      gives: malformed
    }
  ])
})

describe("a head that is too large", () => {
  const tooLarge = lost("HeadersTooLarge")
  const many = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: y\r\n`).join("")
  const long = "a".repeat(20_000)
  attacks("S5", [
    { title: "by one header", says: withLine(`x: ${long}`), gives: tooLarge },
    { title: "by the name of a header", says: withLine(`${long}: x`), gives: tooLarge },
    { title: "by 10,000 headers", says: [`${ok}${many(10_000)}${rest}`], gives: tooLarge },
    {
      title: "by the trailers of an informational response",
      says: [`HTTP/1.1 103 Hints\r\n${many(10_000)}\r\n`],
      gives: tooLarge
    },
    {
      title: "in many packets",
      says: [ok, ...Array.from({ length: 40 }, () => `x: ${"a".repeat(1_000)}\r\n`)],
      gives: tooLarge
    },
    {
      title: "but allowed by the settings",
      says: [`${ok}${many(10_000)}${rest}`],
      options: { maxHeaderSize: 2 ** 20 },
      gives: gives(200, "ok"),
      keeps: true
    }
  ])
})
