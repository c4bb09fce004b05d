import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Equal from "effect/Equal"
import { chunkOf, isOurs } from "../src/internal/chunkOf.ts"

const one = new Uint8Array([1])
const two = new Uint8Array([2, 2])
const three = new Uint8Array([3])

describe("a chunk of pieces", () => {
  it("is made of our classes, since Effect makes its own of the same fields", () => {
    assert.isTrue(isOurs)
  })

  for (const pieces of [[], [one], [one, two], [one, two, three]]) {
    it(`of ${pieces.length} is like one of Effect's`, () => {
      const ours = chunkOf(pieces)
      const theirs = Chunk.unsafeFromArray(pieces)
      assert.isTrue(Chunk.isChunk(ours))
      assert.isTrue(Equal.equals(ours, theirs))
      assert.isTrue(Equal.equals(theirs, ours))
      assert.deepStrictEqual([...ours], pieces)
      assert.deepStrictEqual(Chunk.toReadonlyArray(ours), pieces)
      assert.strictEqual(String(ours), String(theirs))
      assert.deepStrictEqual(Chunk.size(ours), pieces.length)
      assert.deepStrictEqual([...Chunk.drop(ours, 1)], pieces.slice(1))
      assert.deepStrictEqual([...Chunk.reverse(ours)], pieces.toReversed())
      assert.deepStrictEqual([...Chunk.appendAll(ours, theirs)], pieces.concat(pieces))
      assert.deepStrictEqual([...Chunk.append(ours, three)], pieces.concat([three]))
      assert.deepStrictEqual([...Chunk.take(ours, 1)], pieces.slice(0, 1))
    })
  }
})
