/** Bytes cut into lines, with a limit on what is kept of an unfinished one. PURE. */

const newline = 10
const carriageReturn = 13

export class Lines {
  private readonly max: number
  private parts: Array<Uint8Array> = []
  /** bytes of the unfinished line */
  pending = 0

  constructor(max: number) {
    this.max = max
  }

  /** Hands each line over as it is finished, until told `false`. Whether no line was too long. */
  push(chunk: Uint8Array, take: (line: Uint8Array) => boolean): boolean {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(newline, start)
      const size = (end === -1 ? chunk.length : end) - start
      if (this.pending + size > this.max) {
        this.clear()
        return false
      }
      if (end === -1) {
        // A copy, since a piece of the chunk would keep all of it.
        if (size > 0) this.parts.push(chunk.slice(start))
        this.pending += size
        return true
      }
      const line = this.finish(chunk.subarray(start, end))
      if (line.length > 0 && !take(line)) return true
      start = end + 1
    }
  }

  clear(): void {
    this.parts = []
    this.pending = 0
  }

  private finish(last: Uint8Array): Uint8Array {
    let line = last
    if (this.pending > 0) {
      line = new Uint8Array(this.pending + last.length)
      let at = 0
      for (const part of this.parts) {
        line.set(part, at)
        at += part.length
      }
      line.set(last, at)
      this.clear()
    }
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line
  }
}
