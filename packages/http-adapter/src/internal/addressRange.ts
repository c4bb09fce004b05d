/**
 * IP addresses and ranges of them, as numbers. IPv6 has several ways to write an IPv4 address, and packets to them end at that
 * IPv4 address: such an address counts as what it carries. PURE.
 */
import { isIP } from "node:net"

/** One address. */
export interface Ip {
  readonly version: 4 | 6
  readonly value: bigint
  /** the IPv4 address within an IPv6 address, and how many bits say that it is one */
  readonly carried: { readonly value: bigint; readonly length: number } | undefined
}

/** All addresses that begin with the same bits. */
export interface Range {
  readonly version: 4 | 6
  readonly value: bigint
  /** how many bits */
  readonly length: number
}

/** `undefined` for what is no address. Zones (`%eth0`) are left out: they say by which way, not to whom. */
export const parseIp = (text: string): Ip | undefined => {
  switch (isIP(text)) {
    case 4:
      return { version: 4, value: ofDots(text), carried: undefined }
    case 6: {
      const value = ofColons(text.split("%", 1)[0] ?? "")
      // on the wire of most systems it is the IPv4 address itself
      if (isWithin(value, mapped)) return { version: 4, value: lastOf(value), carried: undefined }
      return { version: 6, value, carried: carriedBy(value) }
    }
    default:
      return undefined
  }
}

/** Of `10.0.0.0/8`, `fd00::/8` or a single address; `undefined` for what is none. */
export const parseRange = (text: string): Range | undefined => {
  const [, address = "", length] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const version = isIP(address)
  if (version !== 4 && version !== 6) return undefined
  const bits = sizes[version]
  const range = {
    version,
    value: version === 4 ? ofDots(address) : ofColons(address),
    length: length === undefined ? bits : Number(length)
  } as const
  if (range.length > bits) return undefined
  const shift = BigInt(bits - range.length)
  // bits behind the prefix say that somebody meant another range
  if ((range.value >> shift) << shift !== range.value) return undefined
  return range.length >= mapped.length && isWithin(range.value, mapped)
    ? { version: 4, value: lastOf(range.value), length: range.length - mapped.length }
    : range
}

/**
 * Whether an address is in a range. One that carries an IPv4 address is in the ranges of that, and in those that name its
 * very form: `64:ff9b::/96`, but not `::/0`.
 */
export const isIn = (ip: Ip, range: Range): boolean => {
  const { carried } = ip
  if (ip.version === range.version) {
    return isWithin(ip.value, range) && (carried === undefined || range.length >= carried.length)
  }
  return carried !== undefined && range.version === 4 && isWithin(carried.value, range)
}

const sizes = { 4: 32, 6: 128 } as const

const isWithin = (value: bigint, range: Range): boolean => {
  const shift = BigInt(sizes[range.version] - range.length)
  return value >> shift === range.value >> shift
}

const ofDots = (text: string): bigint => text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)

const ofColons = (text: string): bigint => {
  const dots = text.lastIndexOf(":") + 1
  const hex = text.includes(".") ? text.slice(0, dots) + hexOf(ofDots(text.slice(dots))) : text
  const [head = "", tail] = hex.split("::")
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n)
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | group, 0n)
}

const groupsOf = (text: string): Array<bigint> =>
  text === "" ? [] : text.split(":").map((group) => BigInt(`0x${group}`))

const hexOf = (value: bigint): string => `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`

const lastOf = (value: bigint): bigint => value & 0xffff_ffffn

const range6 = (address: string, length: number): Range => ({ version: 6, value: ofColons(address), length })

const mapped = range6("::ffff:0:0", 96)

/** The forms, and how many bits there are behind the IPv4 address. */
const forms: ReadonlyArray<readonly [form: Range, behind: bigint]> = [
  // translated, as in RFC 2765
  [range6("::ffff:0:0:0", 96), 0n],
  // NAT64, as in RFC 6052
  [range6("64:ff9b::", 96), 0n],
  // 6to4, as in RFC 3056
  [range6("2002::", 16), 80n],
  // compatible, as in RFC 4291; the first two are no IPv4 addresses but "unspecified" and "loopback"
  [range6("::", 96), 0n]
]

const carriedBy = (value: bigint): Ip["carried"] => {
  if (value < 2n) return undefined
  const found = forms.find(([form]) => isWithin(value, form))
  return found === undefined ? undefined : { value: lastOf(value >> found[1]), length: found[0].length }
}
