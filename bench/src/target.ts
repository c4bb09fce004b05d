import type { Interval } from "./statistics.ts"

export type Sense = "at most" | "at least"

export interface Claim {
  /** In the table: the whole sentence. */
  readonly name: string
  /** In the summary line: a few words. */
  readonly label: string
  /** NaN when it could not be measured, which counts as missed. */
  readonly measured: number
  readonly bound: number
  readonly unit: string
  readonly interval?: Interval
}

export interface Target extends Claim {
  readonly sense: Sense
  readonly met: boolean
  /** The bound lies within the interval of confidence: another run may decide otherwise. */
  readonly close: boolean
}

const within = (bound: number, interval: Interval | undefined): boolean =>
  interval !== undefined && interval.low <= bound && bound <= interval.high

export const atMost = (claim: Claim): Target => ({
  ...claim,
  sense: "at most",
  met: claim.measured <= claim.bound,
  close: within(claim.bound, claim.interval)
})

export const atLeast = (claim: Claim): Target => ({
  ...claim,
  sense: "at least",
  met: claim.measured >= claim.bound,
  close: within(claim.bound, claim.interval)
})

/** Three significant digits, without an exponent. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return "not measured"
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US")
  return String(Number(value.toPrecision(3)))
}

export const quantity = (value: number, unit: string): string => {
  if (!Number.isFinite(value)) return figure(value)
  return unit === "" || unit === "×" ? `${figure(value)}${unit}` : `${figure(value)} ${unit}`
}

const sign = (sense: Sense): string => sense === "at most" ? "≤" : "≥"

export const boundOf = (target: Target): string => `${sign(target.sense)} ${quantity(target.bound, target.unit)}`

export const verdictOf = (target: Target): string => `${target.met ? "met" : "MISSED"}${target.close ? " (close)" : ""}`

/** The one line at the end: every figure, and how many targets were met. */
export const summaryOf = (suite: string, targets: ReadonlyArray<Target>): string => {
  const figures = targets.map((target) =>
    `${target.label} ${quantity(target.measured, target.unit)} (${boundOf(target)}${target.met ? "" : ", MISSED"})`
  )
  const met = targets.filter((target) => target.met).length
  return `${suite}: ${[...figures, `${met} of ${targets.length} targets met`].join("; ")}`
}
