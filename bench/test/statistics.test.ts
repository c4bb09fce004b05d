import { describe, expect, it } from "vitest"
import { median, medianInterval, minus, quantile, ratioOf, slope, spread } from "../src/statistics.ts"

describe("the statistics of a benchmark", () => {
  it("takes the middle value, or the mean of the two in the middle", () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it("does not let one outlier move the median", () => {
    expect(median([1, 1, 1, 1, 1_000])).toBe(1)
  })

  it("interpolates between ranks", () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5)
    expect(spread([8, 9, 10, 11, 12])).toBeCloseTo(0.2)
  })

  it("names the order statistics that hold the median with at least 95 %", () => {
    // For 9 values the second and the eighth: 1 - 2 * (1 + 9) / 512.
    expect(medianInterval([9, 8, 7, 6, 5, 4, 3, 2, 1])).toEqual({ low: 2, high: 8, level: 1 - 20 / 512 })
    // For 11 values likewise: 1 - 2 * (1 + 11) / 2048.
    expect(medianInterval([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])).toEqual({ low: 2, high: 10, level: 1 - 24 / 2048 })
  })

  it("gives the whole range, and its lower level, when the values are too few", () => {
    expect(medianInterval([3, 1, 2])).toEqual({ low: 1, high: 3, level: 0.75 })
    expect(medianInterval([7])).toEqual({ low: 7, high: 7, level: 0 })
  })

  it("pairs the rounds, so that a slow phase that hits both leaves the ratio alone", () => {
    const ratio = ratioOf([2, 20, 2, 2, 20, 2], [1, 10, 1, 1, 10, 1])
    expect(ratio).toMatchObject({ median: 2, low: 2, high: 2 })
  })

  it("subtracts round by round", () => {
    expect(minus([5, 7], [1, 2])).toEqual([4, 5])
  })

  it("refuses series of different lengths", () => {
    expect(() => ratioOf([1, 2], [1])).toThrow("2 rounds cannot be paired with 1")
    expect(() => minus([1], [])).toThrow("1 rounds cannot be paired with 0")
  })

  it("finds a slope in spite of an outlier, and of sizes measured twice", () => {
    expect(slope([[0, 100], [10, 130], [20, 160], [30, 900], [40, 220], [0, 100]])).toBe(3)
  })
})
