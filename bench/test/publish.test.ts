import { expect, test } from "vitest"
import { page } from "../src/publish.ts"
import { picture, type Results } from "../src/results.ts"

const results: Results = {
  suite: "pool",
  date: "2026-01-02T03:04:05.000Z",
  node: "v20.0.0",
  v8: "11",
  platform: "Linux",
  cpu: { model: "A Processor", count: 2, loadBefore: [0.5, 0, 0] },
  options: { rounds: 11, minMillis: 50, quick: false, gc: true },
  conditions: "Measured in the dark.",
  peers: { tarn: "3.1.2" },
  summary: "pool: 1 of 1 targets met",
  targets: [],
  tables: [{ title: "Borrowing", columns: ["what", "ns"], rows: [["use", "900"]] }],
  charts: [],
  raw: {}
}

test("a published page says what was measured, where, and beside what", () => {
  const text = page(results)
  expect(text).toContain("# Benchmarks: pool")
  expect(text).toContain("on 2026-01-02, with Node v20.0.0 on 2 × A Processor, load 0.5 0.0 0.0; medians of 11")
  expect(text).toContain("Beside it: tarn 3.1.2.")
  expect(text).toContain("\nMeasured in the dark.\n")
  expect(text).toContain("## Targets")
  expect(text).toMatch(/## Borrowing\n\n\| what +\| +ns \|/)
  expect(text).not.toContain("![")
})

test("a suite with charts has one picture, which its page shows", () => {
  const chart = { title: "Cost", caption: "", bars: [{ label: "use", value: 1, text: "1 ns", role: "ours" as const }] }
  const charted = { ...results, charts: [chart, { ...chart, title: "Speed" }] }
  expect(page(charted)).toContain("\n![Cost; Speed](pool.svg)\n")
  expect(picture(charted)).toMatch(/<title>Cost; Speed<\/title>/)
  expect(picture(results)).toBeUndefined()
})
