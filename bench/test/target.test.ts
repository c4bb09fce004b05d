import { describe, expect, it } from "vitest"
import { atLeast, atMost, boundOf, figure, quantity, summaryOf, verdictOf } from "../src/target.ts"

const claim = { name: "use of KeyedPool", label: "use", measured: 0.5, bound: 0.75, unit: "×" }

describe("a target", () => {
  it("is met on its bound, and missed beyond it", () => {
    expect(atMost({ ...claim, measured: 0.75 }).met).toBe(true)
    expect(atMost({ ...claim, measured: 0.76 }).met).toBe(false)
    expect(atLeast({ ...claim, measured: 0.75 }).met).toBe(true)
    expect(atLeast({ ...claim, measured: 0.74 }).met).toBe(false)
  })

  it("is missed when it could not be measured", () => {
    const target = atMost({ ...claim, measured: Number.NaN })
    expect(target.met).toBe(false)
    expect(summaryOf("pool", [target])).toBe("pool: use not measured (≤ 0.75×, MISSED); 0 of 1 targets met")
  })

  it("is close when its interval holds the bound", () => {
    const close = atMost({ ...claim, interval: { low: 0.4, high: 0.8, level: 0.95 } })
    const clear = atMost({ ...claim, interval: { low: 0.4, high: 0.6, level: 0.95 } })
    expect([verdictOf(close), verdictOf(clear)]).toEqual(["met (close)", "met"])
    expect(verdictOf(atMost({ ...claim, measured: 1 }))).toBe("MISSED")
  })

  it("shows its figures with three digits and their unit", () => {
    expect([0.12345, 1.2345, 12.345, 123.45, 12_345].map(figure)).toEqual(["0.123", "1.23", "12.3", "123", "12,345"])
    expect(quantity(10, "ms")).toBe("10 ms")
    expect(boundOf(atLeast({ ...claim, bound: 6 }))).toBe("≥ 6×")
  })

  it("is summed up in one line with the others", () => {
    const line = summaryOf("pool", [atMost(claim), atLeast({ ...claim, label: "speed", measured: 5, bound: 6 })])
    expect(line).toBe("pool: use 0.5× (≤ 0.75×); speed 5× (≥ 6×, MISSED); 1 of 2 targets met")
  })
})
