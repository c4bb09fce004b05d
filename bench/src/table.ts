import { boundOf, figure, quantity, type Target, verdictOf } from "./target.ts"

export interface Table {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  /** The first cell of a row is its name (aligned left), the others are figures (aligned right). */
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  readonly notes?: ReadonlyArray<string>
}

const pad = (text: string, width: number, column: number): string =>
  column === 0 ? text.padEnd(width) : text.padStart(width)

/** A Markdown table, aligned for the terminal too. */
export const renderTable = (table: Table): string => {
  const widths = table.columns.map((column, index) =>
    Math.max(column.length, 3, ...table.rows.map((row) => row[index]?.length ?? 0))
  )
  const line = (cells: ReadonlyArray<string>): string =>
    `| ${widths.map((width, index) => pad(cells[index] ?? "", width, index)).join(" | ")} |`
  const rule = `|${
    widths.map((width, index) => index === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")
  }|`
  const notes = (table.notes ?? []).map((note) => `  ${note}`)
  return [table.title, "", line(table.columns), rule, ...table.rows.map(line), ...notes].join("\n")
}

export const targetTable = (targets: ReadonlyArray<Target>): Table => ({
  title: "Targets",
  columns: ["target", "measured", "95 % of the median", "bound", "verdict"],
  rows: targets.map((target) => [
    target.name,
    quantity(target.measured, target.unit),
    target.interval === undefined ? "" : `${figure(target.interval.low)} … ${figure(target.interval.high)}`,
    boundOf(target),
    verdictOf(target)
  ])
})
