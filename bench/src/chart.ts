/** Bars, as data: what a suite wants to show at a glance beside its tables. */
export interface Chart {
  readonly title: string
  /** What a figure means, and which way is better. */
  readonly caption: string
  readonly bars: ReadonlyArray<Bar>
}

export interface Bar {
  readonly label: string
  readonly value: number
  /** As it stands in the tables. */
  readonly text: string
  /** The interval of confidence, drawn as a whisker. */
  readonly interval?: { readonly low: number; readonly high: number }
  readonly role: "ours" | "peer" | "limit"
}

const WIDTH = 800
const MARGIN = 24
const LABELS = 290
const FIGURES = 110
const ROW = 26
const HEADING = 64
const LONGEST = WIDTH - 2 * MARGIN - LABELS - FIGURES

/** A picture has a background of its own, or a page whose theme is not the system's would show dark text on dark. */
const STYLE = `
    .page { fill: #ffffff } .title { fill: #1d2b3a; font-weight: 600; font-size: 16px } .caption { fill: #4b5968; font-size: 13px }
    .label, .figure { fill: #1d2b3a } .peer { fill: #9db2c8 } .ours { fill: #2f7d4a } .limit { fill: #cfd8e1 }
    .whisker { stroke: #1d2b3a; stroke-width: 1.2 } .axis { stroke: #8896a5; stroke-width: 1 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #12181f } .title, .label, .figure { fill: #e6edf3 } .caption { fill: #9fb0c0 }
      .peer { fill: #52687f } .ours { fill: #4caf6f } .limit { fill: #34414e } .whisker { stroke: #e6edf3 } .axis { stroke: #66788a }
    }
  `

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;" }

const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character)

const heightOf = (chart: Chart): number => HEADING + chart.bars.length * ROW + MARGIN

/** Two digits behind the point: a figure that was not measured must not break the picture. */
const pixels = (value: number): number => Number.isFinite(value) ? Math.round(value * 100) / 100 : 0

const renderBar = (bar: Bar, top: number, scale: number): string => {
  const left = MARGIN + LABELS
  const middle = top + ROW / 2
  const at = (value: number): number => pixels(left + value * scale)
  const length = pixels(bar.value * scale)
  const end = Math.max(at(bar.value), at(bar.interval?.high ?? 0))
  const whisker = bar.interval === undefined
    ? ""
    : `<path class="whisker" d="M${at(bar.interval.low)} ${middle}H${at(bar.interval.high)}M${at(bar.interval.low)} ${
      middle - 4
    }v8M${at(bar.interval.high)} ${middle - 4}v8"/>`
  return [
    `  <text class="label" x="${left - 10}" y="${middle + 5}" text-anchor="end">${escape(bar.label)}</text>`,
    `  <rect class="${bar.role}" x="${left}" y="${top + 4}" width="${length}" height="${ROW - 8}" rx="2"/>${whisker}`,
    `  <text class="figure" x="${pixels(end + 8)}" y="${middle + 5}">${escape(bar.text)}</text>`
  ].join("\n")
}

const renderChart = (chart: Chart, top: number): string => {
  const most = Math.max(...chart.bars.flatMap((bar) => [bar.value, bar.interval?.high ?? 0]).filter(Number.isFinite), 0)
  const scale = most === 0 ? 0 : LONGEST / most
  const first = top + HEADING
  const axis = MARGIN + LABELS
  return [
    `  <text class="title" x="${MARGIN}" y="${top + 28}">${escape(chart.title)}</text>`,
    `  <text class="caption" x="${MARGIN}" y="${top + 48}">${escape(chart.caption)}</text>`,
    ...chart.bars.map((bar, index) => renderBar(bar, first + index * ROW, scale)),
    `  <path class="axis" d="M${axis} ${first}V${first + chart.bars.length * ROW}"/>`
  ].join("\n")
}

/** One picture of all the charts, one below the other, readable in light and dark. */
export const renderCharts = (charts: ReadonlyArray<Chart>): string => {
  const height = charts.reduce((sum, chart) => sum + heightOf(chart), 0)
  let top = 0
  const drawn = charts.map((chart) => {
    const text = renderChart(chart, top)
    top += heightOf(chart)
    return text
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14" role="img">`,
    `  <title>${escape(charts.map((chart) => chart.title).join("; "))}</title>`,
    `  <style>${STYLE}</style>`,
    `  <rect class="page" width="${WIDTH}" height="${height}"/>`,
    ...drawn,
    "</svg>",
    ""
  ].join("\n")
}
