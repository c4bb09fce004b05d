import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"
import { fileURLToPath } from "node:url"
import { type Chart, renderCharts } from "./chart.ts"
import type { BenchOptions, Report, Suite } from "./suite.ts"
import type { Table } from "./table.ts"
import { summaryOf, type Target } from "./target.ts"

/** What a results file holds: where and with what it was measured, the verdicts, and every raw round. */
export interface Results {
  readonly suite: string
  readonly date: string
  readonly node: string
  readonly v8: string
  readonly platform: string
  readonly cpu: { readonly model: string; readonly count: number; readonly loadBefore: ReadonlyArray<number> }
  readonly options: {
    readonly rounds: number
    readonly minMillis: number
    readonly quick: boolean
    readonly gc: boolean
  }
  readonly conditions: string
  readonly peers: Readonly<Record<string, string>>
  readonly summary: string
  readonly targets: ReadonlyArray<Target>
  readonly tables: ReadonlyArray<Table>
  readonly charts: ReadonlyArray<Chart>
  readonly raw: Readonly<Record<string, unknown>>
}

const manifestOf = (file: string): { readonly version?: string } | undefined => {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch {
    return undefined
  }
}

/** The version of an installed package, read beside its code: `exports` may hide its package.json. */
export const versionOf = (name: string): string => {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const manifest = manifestOf(`${folder}/${name}/package.json`)
    if (manifest !== undefined) return manifest.version ?? "unversioned"
  }
  return "not installed"
}

export const toResults = (
  suite: Suite,
  report: Report,
  options: BenchOptions,
  before: { readonly start: Date; readonly loadBefore: ReadonlyArray<number> }
): Results => ({
  suite: suite.name,
  date: before.start.toISOString(),
  node: process.version,
  v8: process.versions.v8,
  platform: `${os.type()} ${os.release()} ${os.arch()}`,
  cpu: { model: os.cpus()[0]?.model ?? "unknown", count: os.cpus().length, loadBefore: before.loadBefore },
  options: {
    rounds: options.rounds,
    minMillis: options.minMillis,
    quick: options.quick,
    gc: typeof globalThis.gc === "function"
  },
  conditions: suite.conditions,
  peers: Object.fromEntries(suite.peers.map((peer) => [peer, versionOf(peer)])),
  summary: summaryOf(suite.name, report.targets),
  targets: report.targets,
  tables: report.tables,
  charts: report.charts ?? [],
  raw: report.raw
})

/** The one picture of a suite, or nothing when it has no charts. */
export const picture = (results: Results): string | undefined =>
  results.charts.length === 0 ? undefined : renderCharts(results.charts)

/**
 * Called from the build, two folders below the package. Writes `bench/results/<suite>-<timestamp>.json`, beside it the picture,
 * and returns its path.
 */
export const writeResults = (results: Results): string => {
  const folder = fileURLToPath(new URL("../../results/", import.meta.url))
  mkdirSync(folder, { recursive: true })
  const file = `${folder}${results.suite}-${results.date.replaceAll(/[:.]/g, "-")}`
  writeFileSync(`${file}.json`, `${JSON.stringify(results, undefined, 2)}\n`)
  const svg = picture(results)
  if (svg !== undefined) writeFileSync(`${file}.svg`, svg)
  return `${file}.json`
}
