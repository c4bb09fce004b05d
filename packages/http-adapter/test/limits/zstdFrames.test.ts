/** Where frames of zstd end, however they are cut into pieces; made by hand, since not every Node can. */
import { assert, describe, it } from "@effect/vitest"
import Zlib from "node:zlib"
import { ZstdFrames } from "../../src/internal/zstdFrames.ts"

const magic = [0x28, 0xb5, 0x2f, 0xfd]
const block = (kind: "raw" | "repeated" | "compressed", size: number, last: boolean): Array<number> => {
  const head = (last ? 1 : 0) | ({ raw: 0, repeated: 1, compressed: 2 }[kind] << 1) | (size << 3)
  const content = Array.from({ length: kind === "repeated" ? 1 : size }, () => 0x28)
  return [head & 0xff, (head >> 8) & 0xff, head >> 16, ...content]
}
const skippable = [0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]

/** Descriptors with all that they announce. */
const frames: Readonly<Record<string, ReadonlyArray<number>>> = {
  "an empty block": [...magic, 0x00, 0x50, ...block("raw", 0, true)],
  "one segment": [...magic, 0x20, 3, ...block("raw", 3, true)],
  "a checksum": [...magic, 0x04, 0x50, ...block("raw", 3, true), 1, 2, 3, 4],
  "sizes and a dictionary": [...magic, 0xc3, 0x50, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, ...block("raw", 1, true)],
  "small sizes": [...magic, 0x61, 9, 1, 2, ...block("repeated", 70_000, true)],
  "several blocks": [
    ...magic,
    0x84,
    0x50,
    1,
    2,
    3,
    4,
    ...block("compressed", 70_000, false),
    ...block("repeated", 300, false),
    ...block("raw", 300, true),
    1,
    2,
    3,
    4
  ],
  "two frames": [...magic, 0x20, 3, ...block("raw", 3, true), ...magic, 0x20, 1, ...block("repeated", 1, true)],
  "what is to be skipped": [...skippable, ...magic, 0x20, 3, ...block("raw", 3, true), ...skippable]
}

const isWhole = (bytes: Uint8Array, size: number): boolean => {
  const walker = new ZstdFrames()
  for (let at = 0; at < bytes.length; at += size) walker.push(bytes.subarray(at, at + size))
  return walker.whole
}

describe("frames of zstd", () => {
  for (const [name, bytes] of Object.entries(frames)) {
    it(`with ${name}`, () => {
      const whole = Uint8Array.from(bytes)
      for (const size of [1, 2, 3, 7, whole.length]) assert.isTrue(isWhole(whole, size))
      const ends = new Set(name === "two frames" ? [12] : name === "what is to be skipped" ? [13, 25] : [])
      for (let length = 1; length < whole.length; length += length < 40 || whole.length - length < 400 ? 1 : 97) {
        assert.strictEqual(isWhole(whole.subarray(0, length), whole.length), ends.has(length), `${length} bytes`)
      }
    })
  }

  it("what is none is for the decoder to refuse", () => {
    assert.isTrue(isWhole(Buffer.from("no frame at all"), 4))
    assert.isFalse(isWhole(Buffer.from("no"), 2))
  })

  const { zstdCompressSync } = Zlib as { readonly zstdCompressSync?: (plain: Uint8Array) => Buffer }
  it.skipIf(zstdCompressSync === undefined)("as Node makes them", () => {
    for (const length of [0, 1, 255, 256, 65_791, 65_792, 1_000_000]) {
      const plain = Buffer.alloc(length, 0).map((_, at) => (at * at) % 251)
      const bytes = zstdCompressSync?.(plain) ?? Buffer.alloc(0)
      assert.isTrue(isWhole(bytes, 1000))
      assert.isFalse(isWhole(bytes.subarray(0, -1), 1000))
    }
  })
})
