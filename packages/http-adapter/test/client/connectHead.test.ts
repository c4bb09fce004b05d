/** The head of a proxy's answer is the same, however it is cut. */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { type ConnectAnswer, ConnectHead } from "../../src/internal/connectHead.ts"

const limit = 1000

/** What is made of a text that comes in pieces; what comes behind the answer is the tunnel's. */
const answerTo = (text: string, cuts: ReadonlyArray<number> = []): ConnectAnswer | undefined => {
  const head = new ConnectHead(limit)
  const bytes = Buffer.from(text, "latin1")
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b)
  let from = 0
  for (const to of [...ends, bytes.length]) {
    const answer = head.push(bytes.subarray(from, to))
    if (answer !== undefined) {
      return typeof answer === "string" ? answer : { ...answer, rest: Buffer.concat([answer.rest, bytes.subarray(to)]) }
    }
    from = to
  }
  return undefined
}

const long = `HTTP/1.1 200 OK\r\nx: ${"y".repeat(limit)}\r\n\r\n`
const texts: Record<string, readonly [text: string, expected: ConnectAnswer | undefined]> = {
  "a plain answer": ["HTTP/1.1 200 Connection established\r\n\r\n", { status: 200, rest: Buffer.from("") }],
  "one of HTTP/1.0, without a reason": ["HTTP/1.0 200\r\n\r\n", { status: 200, rest: Buffer.from("") }],
  "one with fields and the tunnel's first bytes": [
    "HTTP/1.1 200 OK\r\nvia: a\r\ncontent-length: 9\r\n\r\n\u00ff\r\n\r\nrest",
    { status: 200, rest: Buffer.from("\u00ff\r\n\r\nrest", "latin1") }
  ],
  "one whose lines have no carriage return": ["HTTP/1.1 407 No\na: b\n\nrest", {
    status: 407,
    rest: Buffer.from("rest")
  }],
  "information before it": [
    "HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 Bad\r\n\r\n",
    { status: 502, rest: Buffer.from("") }
  ],
  "half of one": ["HTTP/1.1 200 OK\r\nvia: a\r\n", undefined],
  "nothing": ["", undefined],
  "another protocol": ["SSH-2.0-OpenSSH\r\n", "malformed"],
  "another version": ["HTTP/2 200\r\n\r\n", "malformed"],
  "no status": ["HTTP/1.1 OK\r\n\r\n", "malformed"],
  "a status out of range": ["HTTP/1.1 099 No\r\n\r\n", "malformed"],
  "an upgrade": ["HTTP/1.1 101 Switching\r\n\r\n", "malformed"],
  "a long head with an end": [long, "too large"],
  "a long head without one": [long.slice(0, -4), "too large"]
}

describe("the answer to CONNECT", () => {
  for (const [name, [text, expected]] of Object.entries(texts)) {
    it(`${name}, in any pieces`, () => {
      const each = Array.from({ length: text.length }, (_, at) => at)
      assert.deepStrictEqual(answerTo(text, each), expected)
      const property = FastCheck.property(FastCheck.array(FastCheck.nat(2000), { maxLength: 8 }), (cuts) => {
        assert.deepStrictEqual(answerTo(text, cuts), expected)
      })
      FastCheck.assert(property, { numRuns: 100 })
    })
  }
})
