/** Going on where a log was left: pure, against a log that is read again and again. */
import { assert, describe, test } from "@effect/vitest"
import * as FastCheck from "fast-check"
import type { LogLine } from "../../src/container-monitor/docker/lines.ts"
import * as Timestamp from "../../src/container-monitor/docker/timestamp.ts"
import * as Cursor from "../../src/container-monitor/monitor/cursor.ts"

const start = 1_790_000_000_000_000_000n

const line = (stream: "stdout" | "stderr", at: bigint, text: string): LogLine => ({
  stream,
  at,
  timestamp: Timestamp.format(at),
  text
})

/** Reads a log as engines give it: from `since` on, in the order in which it was written, up to where the connection was cut. */
const readInParts = (
  log: ReadonlyArray<LogLine>,
  cuts: ReadonlyArray<{ readonly written: number; readonly read: number }>,
  rounded: (since: bigint) => bigint
): ReadonlyArray<string> => {
  const delivered: Array<string> = []
  let cursor: Cursor.Cursor | undefined
  for (const { read, written } of [...cuts, { written: log.length, read: Infinity }]) {
    const isNew = Cursor.newLines(cursor)
    const from = cursor === undefined ? 0n : rounded(Cursor.since(cursor))
    for (const one of log.slice(0, written).filter(({ at }) => at >= from).slice(0, read)) {
      if (!isNew(one)) continue
      delivered.push(one.text)
      cursor = Cursor.advance(cursor, one)
    }
  }
  return delivered
}

/** Two streams, each in order, written side by side: the one may be ahead of the other by so much. */
const logs = FastCheck.array(
  FastCheck.record({
    stream: FastCheck.constantFrom("stdout" as const, "stderr" as const),
    // many lines of the very same time
    step: FastCheck.oneof(FastCheck.constant(0), FastCheck.nat(5), FastCheck.nat(2_000_000_000)),
    late: FastCheck.nat(400_000_000),
    // the same text again and again, or a number
    text: FastCheck.option(FastCheck.constantFrom("tick", "tock"))
  }),
  { maxLength: 40 }
).map((given) => {
  let now = start
  const last = { stdout: 0n, stderr: 0n }
  return given.map(({ late, step, stream, text }, index) => {
    now += BigInt(step)
    const wanted = stream === "stderr" ? now - BigInt(late) : now
    const at = wanted > last[stream] ? wanted : last[stream]
    last[stream] = at
    return line(stream, at, text ?? `line ${index}`)
  })
})

const cutsOf = FastCheck.array(
  FastCheck.record({ written: FastCheck.nat(40), read: FastCheck.nat(40) }),
  { maxLength: 8 }
).map((cuts) => cuts.toSorted((a, b) => a.written - b.written))

describe("a log that is read again", () => {
  for (
    const [how, rounded] of [
      ["exactly", (since: bigint) => since],
      ["by the second", (since: bigint) => since - (since % 1_000_000_000n)],
      ["by half a microsecond too late", (since: bigint) => since + 512n]
    ] as const
  ) {
    test(`D3 is complete and has nothing twice, wherever it is cut, with an engine that takes times ${how}`, () => {
      FastCheck.assert(
        FastCheck.property(logs, cutsOf, (log, cuts) => {
          assert.deepStrictEqual(readInParts(log, cuts, rounded).toSorted(), log.map(({ text }) => text).toSorted())
        }),
        { numRuns: 2000 }
      )
    })
  }

  test("D3 a clock that is set back while a log is read loses nothing", () => {
    const log = [
      line("stdout", start, "one"),
      line("stderr", start + 5n, "two"),
      line("stdout", start - 3_600_000_000_000n, "three"),
      line("stderr", start - 3_600_000_000_000n + 1n, "four"),
      line("stdout", start - 3_600_000_000_000n + 2n, "five")
    ]
    for (let read = 3; read <= log.length; read++) {
      const delivered = readInParts(log, [{ written: log.length, read }], (since) => since)
      assert.deepStrictEqual([...new Set(delivered)].toSorted(), log.map(({ text }) => text).toSorted())
    }
  })
})
