import type { Effect } from "effect"
import type { Chart } from "./chart.ts"
import type { MeasureOptions } from "./measure.ts"
import type { Table } from "./table.ts"
import type { Target } from "./target.ts"

export interface BenchOptions extends MeasureOptions {
  /** A smoke run: shorter and fewer rounds, smaller crowds; its figures decide nothing. */
  readonly quick: boolean
}

export interface Report {
  readonly tables: ReadonlyArray<Table>
  readonly targets: ReadonlyArray<Target>
  /** Drawn in this order, one below the other, in the picture of the suite. */
  readonly charts?: ReadonlyArray<Chart>
  /** Every round of everything measured, for the results file. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** What `npm run bench -- <name>` runs. A new one is added to `suites/index.ts`. */
export interface Suite {
  readonly name: string
  readonly description: string
  /** Under what circumstances its figures hold, for the published page. */
  readonly conditions: string
  /** Packages whose versions belong beside the figures. */
  readonly peers: ReadonlyArray<string>
  readonly run: (options: BenchOptions) => Effect.Effect<Report>
}

export const mergeReports = (reports: ReadonlyArray<Report>): Report => ({
  tables: reports.flatMap((report) => report.tables),
  targets: reports.flatMap((report) => report.targets),
  charts: reports.flatMap((report) => report.charts ?? []),
  raw: Object.assign({}, ...reports.map((report) => report.raw))
})
