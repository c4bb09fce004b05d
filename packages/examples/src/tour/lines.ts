/** How the tour is printed. */
import type { PoolStats } from "@watertight/pool"

export const describe = (title: string, seen: string, stats: PoolStats.PoolStats): string => {
  const hosts = stats.hosts.map(({ active, connecting, host, idle, opened, reused }) =>
    `${host}: ${cells(active, idle, connecting)} ${idle} idle, ${active} active, opened ${opened}, reused ${reused}`
  )
  return [`• ${title}`, `  → ${seen}`, ...hosts.map((line) => `    ${line}`), ""].join("\n")
}

/** One sign for each connection: lent, idle, being dialed. */
const cells = (active: number, idle: number, connecting: number): string =>
  `[${"█".repeat(active)}${"░".repeat(idle)}${"…".repeat(connecting)}]`

export const summary = (report: PoolStats.ShutdownReport, opened: number, sockets: number): string =>
  `The pool is closed: ${report.graceful} connections gracefully, ${report.cut} cut, ${report.abandoned} abandoned, ` +
  `in ${report.elapsed} ms. Opened ${opened}, left open ${sockets}.`
