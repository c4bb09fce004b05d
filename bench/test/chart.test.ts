import { describe, expect, it } from "vitest"
import { type Bar, type Chart, renderCharts } from "../src/chart.ts"

const bar = (label: string, value: number, more: Partial<Bar> = {}): Bar => ({
  label,
  value,
  text: `${value} µs`,
  role: "peer",
  ...more
})

const chart = (...bars: ReadonlyArray<Bar>): Chart => ({ title: "Cost", caption: "less is better", bars })

const widths = (svg: string): ReadonlyArray<number> =>
  Array.from(svg.matchAll(/<rect class="(?:ours|peer|limit)"[^>]* width="([^"]*)"/g), ([, width]) => Number(width))

const viewBox = (svg: string): ReadonlyArray<number> => /viewBox="([^"]*)"/.exec(svg)?.[1]?.split(" ").map(Number) ?? []

describe("a chart", () => {
  it("draws bars in proportion, the longest within the picture", () => {
    const svg = renderCharts([chart(bar("half", 10, { role: "ours" }), bar("whole", 20))])
    const [half = 0, whole = 0] = widths(svg)
    expect(half * 2).toBeCloseTo(whole, 1)
    expect(whole).toBeLessThan(viewBox(svg)[2] ?? 0)
    expect(svg).toContain(">10 µs</text>")
    expect(svg).toContain("class=\"ours\"")
  })

  it("leaves room for the whisker of the longest, and shows its ends", () => {
    const [alone = 0] = widths(renderCharts([chart(bar("a", 10))]))
    const svg = renderCharts([chart(bar("a", 10, { interval: { low: 5, high: 20 } }))])
    const [half = 0] = widths(svg)
    expect(half * 2).toBeCloseTo(alone, 1)
    const [, from, to] = /class="whisker" d="M([\d.]+) [\d.]+H([\d.]+)M/.exec(svg) ?? []
    expect(Number(to) - Number(from)).toBeCloseTo(alone * 0.75, 1)
  })

  it("has no bar for what was not measured, and stays whole", () => {
    const svg = renderCharts([chart(bar("lost", Number.NaN), bar("found", 10))])
    expect(widths(svg)[0]).toBe(0)
    expect(svg.replaceAll(/>[^<]*</g, "><")).not.toContain("NaN")
    expect(renderCharts([chart(bar("nothing", 0))])).toContain("width=\"0\"")
  })

  it("keeps text from being read as markup", () => {
    const svg = renderCharts([chart(bar("a < b & \"c\"", 1))])
    expect(svg).toContain(">a &lt; b &amp; &quot;c&quot;</text>")
  })

  it("is readable in light and dark on a background of its own", () => {
    const svg = renderCharts([chart(bar("a", 1))])
    const dark = svg.slice(svg.indexOf("prefers-color-scheme: dark"))
    for (const name of [".page", ".title", ".caption", ".label", ".figure", ".ours", ".peer", ".whisker"]) {
      expect(dark).toContain(name)
    }
    expect(svg).toMatch(/<rect class="page" width="\d+" height="\d+"\/>/)
  })

  it("stacks charts, so that the picture is as high as all of them", () => {
    const one = viewBox(renderCharts([chart(bar("a", 1))]))[3] ?? 0
    expect(viewBox(renderCharts([chart(bar("a", 1)), chart(bar("a", 1))]))[3]).toBe(2 * one)
  })
})
