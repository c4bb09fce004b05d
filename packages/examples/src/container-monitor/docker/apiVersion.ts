/** Which version of the API two that speak several of them choose. */

export interface Range {
  readonly min: string
  readonly max: string
}

/** What this client asks for has been the same in all of them. */
export const ours: Range = { min: "1.24", max: "1.51" }

/** Versions are compared by their numbers: 1.9 is older than 1.24. `undefined` for what is no version. */
export const compare = (one: string, other: string): number | undefined => {
  const [a, b] = [numbersOf(one), numbersOf(other)]
  return a === undefined || b === undefined ? undefined : a[0] - b[0] || a[1] - b[1]
}

const numbersOf = (version: string): readonly [number, number] | undefined => {
  const [, major, minor] = /^(\d+)\.(\d+)$/u.exec(version) ?? []
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)]
}

/** The newest that both speak, or `undefined`. What an engine does not tell of is no obstacle. */
export const choose = (theirs: Partial<Range>): string | undefined => {
  const { max = ours.max, min = ours.min } = theirs
  const [least, most] = [compare(max, ours.min), compare(min, ours.max)]
  if (least === undefined || most === undefined || least < 0 || most > 0) return undefined
  return (compare(max, ours.max) ?? 0) < 0 ? max : ours.max
}
