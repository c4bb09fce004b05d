/**
 * A chunk like those that Effect makes, but of classes alone. V8 puts what the literals in Effect's own make among the old
 * objects once many of them have lived long, as they do while a program starts. From there a chunk that nobody has any more
 * still holds its bytes: in a download all of them waited for a full collection, which took a third of the time.
 */
import * as Chunk from "effect/Chunk"

/** The fields of a chunk, which its type does not name. */
const like = Chunk.unsafeFromArray<Uint8Array>([new Uint8Array(0)])

class Backing {
  readonly _tag = "IArray"
  readonly array: ReadonlyArray<Uint8Array>

  constructor(array: ReadonlyArray<Uint8Array>) {
    this.array = array
  }
}

const none = Chunk.empty<Uint8Array>()

class Pieces {
  readonly backing: Backing
  readonly length: number
  readonly depth = 0
  readonly left = none
  readonly right = none

  constructor(array: ReadonlyArray<Uint8Array>) {
    this.backing = new Backing(array)
    this.length = array.length
  }
}

Object.setPrototypeOf(Pieces.prototype, Object.getPrototypeOf(like))

/** Whether Effect still makes its chunks as we do; its own are used if not. */
export const isOurs = Object.keys(like).toSorted().join() === Object.keys(new Pieces([])).toSorted().join()

/** The array must not be changed any more. */
export const chunkOf: (array: ReadonlyArray<Uint8Array>) => Chunk.Chunk<Uint8Array> = isOurs
  // it has the fields and the prototype of a chunk
  ? (array) => new Pieces(array) as unknown as Chunk.Chunk<Uint8Array>
  : Chunk.unsafeFromArray
