import { expect, it } from "vitest"
import { renderTable } from "../src/table.ts"

it("aligns names to the left and figures to the right", () => {
  const table = { title: "Costs", columns: ["operation", "ns"], rows: [["use", "785"], ["scoped(acquire)", "6,000"]] }
  expect(renderTable({ ...table, notes: ["CPU time"] }).split("\n")).toEqual([
    "Costs",
    "",
    "| operation       |    ns |",
    "|-----------------|------:|",
    "| use             |   785 |",
    "| scoped(acquire) | 6,000 |",
    "  CPU time"
  ])
})
