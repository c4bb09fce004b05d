import { assert, describe, test } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { BlockList } from "node:net"
import { isIn, parseIp, parseRange } from "../../src/internal/addressRange.ts"

const has = (range: string, address: string): boolean => {
  const parsed = parseRange(range)
  const ip = parseIp(address)
  assert(parsed !== undefined, range)
  assert(ip !== undefined, address)
  return isIn(ip, parsed)
}

const bytes = (length: number) =>
  FastCheck.array(FastCheck.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length })

const dotted = (parts: ReadonlyArray<number>): string => parts.join(".")

/** The groups of an IPv6 address in one of the ways in which they may be written. */
const written = (parts: ReadonlyArray<number>, way: number): string => {
  const groups = Array.from({ length: 8 }, (_, i) => ((parts[2 * i] ?? 0) << 8) | (parts[2 * i + 1] ?? 0))
  const long = groups.map((group) => group.toString(16).padStart(4, "0")).join(":")
  if (way === 0) return long
  if (way === 1) return long.toUpperCase()
  const short = groups.map((group) => group.toString(16))
  if (way === 2) return `${short.slice(0, 6).join(":")}:${dotted(parts.slice(12))}`
  // the URL parser's own, with the longest run of zeros left out
  return new URL(`http://[${short.join(":")}]/`).hostname.slice(1, -1)
}

/** Whether the first bits of two addresses are the same, bit by bit. */
const sameBits = (left: ReadonlyArray<number>, right: ReadonlyArray<number>, length: number): boolean => {
  for (let bit = 0; bit < length; bit++) {
    const mask = 0x80 >> (bit % 8)
    if (((left[bit >> 3] ?? 0) & mask) !== ((right[bit >> 3] ?? 0) & mask)) return false
  }
  return true
}

/** The first bits, and zeros. */
const cut = (parts: ReadonlyArray<number>, length: number): ReadonlyArray<number> =>
  parts.map((part, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i))
    return part & (0xff << (8 - bits)) & 0xff
  })

/** A neighbour of an address: the same up to a bit, so that the edges of ranges are met. */
const near = (length: number) =>
  FastCheck.tuple(bytes(length), bytes(length), FastCheck.integer({ min: 0, max: 8 * length })).map((
    [base, other, bits]
  ) => ({
    base,
    other: base.map((part, i) => {
      const kept = cut(Array.from(base, () => 255), bits)[i] ?? 0
      return (part & kept) | ((other[i] ?? 0) & ~kept & 0xff)
    })
  }))

describe("ranges of addresses", () => {
  test("of IPv4 are what node:net thinks, and what their bits say", () => {
    FastCheck.assert(
      FastCheck.property(near(4), FastCheck.integer({ min: 0, max: 32 }), ({ base, other }, length) => {
        const net = cut(base, length)
        const list = new BlockList()
        list.addSubnet(dotted(net), length, "ipv4")
        const is = has(`${dotted(net)}/${length}`, dotted(other))
        assert.strictEqual(is, list.check(dotted(other), "ipv4"))
        assert.strictEqual(is, sameBits(base, other, length))
        // the same in the form in which IPv6 maps it
        assert.strictEqual(has(`${dotted(net)}/${length}`, `::ffff:${dotted(other)}`), is)
        assert.strictEqual(has(`::ffff:${dotted(net)}/${96 + length}`, dotted(other)), is)
      }),
      { numRuns: 2_000 }
    )
  })

  test("of IPv6 are what node:net thinks, however addresses are written", () => {
    const way = FastCheck.integer({ min: 0, max: 3 })
    FastCheck.assert(
      FastCheck.property(near(16), FastCheck.integer({ min: 0, max: 128 }), way, way, (pair, length, first, second) => {
        // 2000::/4 without 6to4, where an address is nothing but itself
        const native = (parts: ReadonlyArray<number>) => [0x2a, ...parts.slice(1)]
        const [base, other] = [native(pair.base), native(pair.other)]
        const net = cut(base, length)
        const list = new BlockList()
        list.addSubnet(written(net, 0), length, "ipv6")
        const is = has(`${written(net, first)}/${length}`, written(other, second))
        assert.strictEqual(is, list.check(written(other, 0), "ipv6"))
        assert.strictEqual(is, sameBits(base, other, length))
      }),
      { numRuns: 2_000 }
    )
  })

  const forms: Readonly<Record<string, (hex: string) => string>> = {
    "::ffff:0:0/96": (hex) => `::ffff:${hex}`,
    "::ffff:0:0:0/96": (hex) => `::ffff:0:${hex}`,
    "64:ff9b::/96": (hex) => `64:ff9b::${hex}`,
    "2002::/16": (hex) => `2002:${hex}::1`,
    "::/96": (hex) => `::${hex}`
  }

  for (const [form, carrier] of Object.entries(forms)) {
    test(`take an address of ${form} for the IPv4 address that it carries`, () => {
      FastCheck.assert(
        FastCheck.property(near(4), FastCheck.integer({ min: 0, max: 32 }), ({ base, other }, length) => {
          FastCheck.pre(other.slice(0, 3).some((part) => part > 0))
          const hex = `${((other[0] ?? 0) << 8 | (other[1] ?? 0)).toString(16)}:${
            ((other[2] ?? 0) << 8 | (other[3] ?? 0)).toString(16)
          }`
          const address = carrier(hex)
          assert.strictEqual(
            has(`${dotted(cut(base, length))}/${length}`, address),
            sameBits(base, other, length),
            address
          )
          assert.isTrue(has(form, address))
          assert.isFalse(has("::/0", address))
          assert.isFalse(has("2000::/3", address))
        }),
        { numRuns: 500 }
      )
    })
  }

  test("know the two addresses of IPv6 that look like IPv4 ones", () => {
    assert.isTrue(has("::1", "::1"))
    assert.isTrue(has("::", "::"))
    assert.isFalse(has("0.0.0.0/8", "::1"))
    assert.isTrue(has("::1", "0:0:0:0:0:0:0:1"))
  })

  test("leave zones out", () => {
    assert.isTrue(has("fe80::/10", "fe80::1%eth0"))
    assert.isTrue(has("127.0.0.0/8", "::ffff:127.0.0.1%1"))
    assert.isUndefined(parseRange("fe80::1%eth0"))
  })

  const wrong = [
    ",  , 10.0.0.0/33, 10.0.0.0/-1, 10.0.0.0/08, 10.0.0.0/, 10.0.0.0/8/8, /8, 10.0.0.1/8, ::1/129, ",
    "fd00::1/8, 10.0.0, 010.0.0.1, 0x7f.0.0.1, 2130706433, localhost, 10.0.0.0/8 , 1.2.3.4.5, :::, [::1]"
  ].join("").split(", ")
  for (const text of wrong) {
    test(`${JSON.stringify(text)} is none`, () => assert.isUndefined(parseRange(text)))
  }

  test("of any text are none, or can be asked", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: FastCheck.constantFrom(..."0123456789abcdef:./%x") }), (text) => {
        const range = parseRange(text)
        if (range !== undefined) {
          assert.isTrue(isIn({ version: range.version, value: range.value, carried: undefined }, range))
        }
        parseIp(text)
      }),
      { numRuns: 5_000 }
    )
  })
})
