/** The engine's points in time. They have nine digits after the second; a `number` or a `Date` would lose some of them. */

/** Nanoseconds since 1970. */
export type Nanos = bigint

const form = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/u
const perMilli = 1_000_000n
const perSecond = 1_000_000_000n

/** What RFC 3339 means, to the last digit; `undefined` where it is something else. */
export const parse = (text: string): Nanos | undefined => {
  const [, second, fraction = "", zone] = form.exec(text) ?? []
  if (second === undefined || zone === undefined) return undefined
  const millis = Date.parse(second + zone)
  return Number.isNaN(millis) ? undefined : BigInt(millis) * perMilli + BigInt(fraction.padEnd(9, "0"))
}

/** As engines write it before a line: always nine digits, always UTC. */
export const format = (nanos: Nanos): string => {
  const fraction = nanos % perSecond
  const second = new Date(Number((nanos - fraction) / perMilli)).toISOString().slice(0, 19)
  return `${second}.${fraction.toString().padStart(9, "0")}Z`
}

/** As engines take it in `since` and `until`. */
export const inSeconds = (nanos: Nanos): string =>
  `${nanos / perSecond}.${(nanos % perSecond).toString().padStart(9, "0")}`

/** The counterpart of `inSeconds`; a whole number of seconds will do. */
export const fromSeconds = (text: string): Nanos | undefined => {
  const [, seconds, fraction = ""] = /^(\d+)(?:\.(\d{1,9}))?$/u.exec(text) ?? []
  return seconds === undefined ? undefined : BigInt(seconds) * perSecond + BigInt(fraction.padEnd(9, "0"))
}
