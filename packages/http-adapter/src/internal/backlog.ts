/**
 * Pieces of a body that have come and are not wanted yet. The window bounds their bytes; that they take little besides is seen to here,
 * since a peer may send a byte at a time.
 */

/** Smaller ones are put together: as an object each would take a hundred bytes and more. */
const small = 2_048

/** Where they are put. */
const room = 8_192

/** A class in a chain and no array, for the reason that `WireRequest` gives. */
class Part {
  readonly bytes: Uint8Array
  used: number
  next: Part | undefined = undefined

  constructor(bytes: Uint8Array, used: number) {
    this.bytes = bytes
    this.used = used
  }
}

export class Backlog {
  private first: Part | undefined = undefined
  private last: Part | undefined = undefined

  get empty(): boolean {
    return this.first === undefined
  }

  add(piece: Uint8Array): void {
    const { last } = this
    // most bodies are one piece
    if (last === undefined || piece.length > small) return this.append(new Part(apart(piece), piece.length))
    if (last.bytes.length - last.used >= piece.length) {
      last.bytes.set(piece, last.used)
      last.used += piece.length
    } else {
      const bytes = Buffer.allocUnsafeSlow(room)
      bytes.set(piece)
      this.append(new Part(bytes, piece.length))
    }
  }

  take(): Uint8Array | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.first = first.next
    if (first.next === undefined) this.last = undefined
    return first.used === first.bytes.length ? first.bytes : first.bytes.subarray(0, first.used)
  }

  clear(): void {
    this.first = undefined
    this.last = undefined
  }

  private append(part: Part): void {
    if (this.last === undefined) this.first = part
    else this.last.next = part
    this.last = part
  }
}

/**
 * All pieces that arrived together lie in one buffer, and a small one, kept, would keep all of it. Node's own pool is where it goes: memory
 * of its own would cost more than all the rest that is done for it.
 */
export const apart = (piece: Uint8Array): Uint8Array =>
  piece.byteLength * 4 < piece.buffer.byteLength ? Buffer.from(piece) : piece
