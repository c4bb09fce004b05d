import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { type Cell, loopCell, measure } from "../src/measure.ts"
import { makeProgress } from "../src/progress.ts"

const quiet = makeProgress({ isTTY: false, write: () => expect.unreachable("nothing is shown without a terminal") })

/** A cell with a clock of its own: each operation takes the nanoseconds that it is told. */
const fakeCell = (name: string, nanosPerOperation: number, calls: Array<string>): Cell => ({
  name,
  sample: (operations) =>
    Effect.sync(() => {
      calls.push(name)
      const nanos = operations * nanosPerOperation
      return { operations, cpuNanos: nanos, wallNanos: nanos }
    })
})

describe("measuring", () => {
  it("interleaves the cells round by round", async () => {
    const calls: Array<string> = []
    const cells = ["A", "B", "C"].map((name) => fakeCell(name, 1e6, calls))
    const measured = await Effect.runPromise(measure(cells, { rounds: 4, minMillis: 1, progress: quiet }))
    // each of them with its run-up
    expect(calls.slice(-24).join("")).toBe("AABBCC".repeat(4))
    expect(measured.all.map((series) => series.samples.length)).toEqual([4, 4, 4])
  })

  it("lets every sample last the minimum, whatever an operation costs", async () => {
    const cells = [fakeCell("quick", 50, []), fakeCell("slow", 3e8, [])]
    const measured = await Effect.runPromise(measure(cells, { rounds: 3, minMillis: 50, progress: quiet }))
    for (const sample of measured.all.flatMap((series) => series.samples)) {
      expect(sample.wallNanos).toBeGreaterThanOrEqual(50e6)
    }
    expect(measured.of("quick").median).toBe(50)
    expect(measured.of("slow").samples.map((sample) => sample.operations)).toEqual([1, 1, 1])
  })

  it("names the cell that was not measured", async () => {
    const measured = await Effect.runPromise(measure([], { rounds: 3, minMillis: 1, progress: quiet }))
    expect(() => measured.of("D")).toThrow("no cell named \"D\" was measured")
  })

  it("runs a loop as often as it is told, and tells each operation its number", async () => {
    const seen: Array<number> = []
    const cell = loopCell("loop", (operation) => Effect.sync(() => seen.push(operation)))
    const sample = await Effect.runPromise(Effect.orDie(cell.sample(3)))
    expect(seen).toEqual([0, 1, 2])
    expect(sample.operations).toBe(3)
    expect(sample.wallNanos).toBeGreaterThan(0)
  })
})

describe("progress", () => {
  it("replaces its one line, cut to the width of the terminal", () => {
    const written: Array<string> = []
    const terminal = { isTTY: true, columns: 20, write: (text: string) => written.push(text) }
    makeProgress(terminal).within("pool").within("borrow").show("round 1 of 11")
    expect(written).toEqual(["\r\u001b[2Kpool: borrow: round"])
  })

  it("takes a terminal that does not know its width for one of 80 columns", () => {
    const written: Array<string> = []
    makeProgress({ isTTY: true, columns: 0, write: (text: string) => written.push(text) }).show("building …")
    expect(written).toEqual(["\r\u001b[2Kbuilding …"])
  })
})
