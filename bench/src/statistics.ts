/** Medians and their confidence: no mean and no normal distribution, since the noise of a benchmark is one-sided. */

export interface Interval {
  readonly low: number
  readonly high: number
  /** The probability that the true median lies within, from the order statistics alone. */
  readonly level: number
}

export interface Ratio extends Interval {
  readonly median: number
}

const ascending = (values: ReadonlyArray<number>): Array<number> => values.toSorted((a, b) => a - b)

/** The value at `fraction` (0 … 1) of the sorted values, interpolated; NaN when there are none. */
export const quantile = (values: ReadonlyArray<number>, fraction: number): number => {
  const sorted = ascending(values)
  const position = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** The interquartile range as a share of the median: how much the rounds differ. */
export const spread = (values: ReadonlyArray<number>): number =>
  (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)

/**
 * The narrowest pair of order statistics that holds the median with at least 95 % probability; the whole range when
 * there are too few values for that (fewer than 6), with the lower level it then has.
 */
export const medianInterval = (values: ReadonlyArray<number>): Interval => {
  const sorted = ascending(values)
  const count = sorted.length
  // The chance that fewer than `rank` of the values lie below the median: a sum of binomial(count, 1/2).
  let term = 0.5 ** count
  let below = term
  let rank = 1
  while (rank < count / 2) {
    term = term * (count - rank + 1) / rank
    if (1 - 2 * (below + term) < 0.95) break
    below += term
    rank += 1
  }
  return {
    low: sorted[rank - 1] ?? Number.NaN,
    high: sorted[count - rank] ?? Number.NaN,
    level: Math.max(0, 1 - 2 * below)
  }
}

/** Pairs two series round by round, so that a slow phase of the machine, which hits both, cancels out. */
export const ratioOf = (values: ReadonlyArray<number>, peers: ReadonlyArray<number>): Ratio => {
  if (values.length !== peers.length) {
    throw new RangeError(`ratioOf: ${values.length} rounds cannot be paired with ${peers.length}`)
  }
  const ratios = values.map((value, round) => value / (peers[round] ?? Number.NaN))
  return { median: median(ratios), ...medianInterval(ratios) }
}

/** `values - baseline`, round by round: a cost with what is not of interest taken out of it. */
export const minus = (values: ReadonlyArray<number>, baseline: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (values.length !== baseline.length) {
    throw new RangeError(`minus: ${values.length} rounds cannot be paired with ${baseline.length}`)
  }
  return values.map((value, round) => value - (baseline[round] ?? Number.NaN))
}

/** The median slope between every two points (Theil and Sen): one outlier does not bend it. */
export const slope = (points: ReadonlyArray<readonly [x: number, y: number]>): number => {
  const slopes: Array<number> = []
  points.forEach(([x1, y1], index) => {
    for (const [x2, y2] of points.slice(index + 1)) {
      if (x1 !== x2) slopes.push((y2 - y1) / (x2 - x1))
    }
  })
  return median(slopes)
}
