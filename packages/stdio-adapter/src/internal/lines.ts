/** Bytes cut into lines, with a limit on what is kept of an unfinished one. PURE. */

const newline = 10
const carriageReturn = 13

/** Pages grow with the line, up to this. */
const largestPage = 64 * 1024

export class Lines {
  private readonly max: number
  /** the unfinished line; of the last page so many bytes are used */
  private pages: Array<Uint8Array> = []
  private used = 0
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
        this.keep(chunk.subarray(start))
        return true
      }
      const line = this.finish(chunk.subarray(start, end))
      if (line.length > 0 && !take(line)) return true
      start = end + 1
    }
  }

  clear(): void {
    this.pages = []
    this.used = 0
    this.pending = 0
  }

  /** Copies it, since a piece of a chunk would keep all of it; into pages, since a thousand little pieces cost far more than their bytes. */
  private keep(piece: Uint8Array): void {
    const last = this.pages.at(-1)
    const fits = Math.min((last?.length ?? 0) - this.used, piece.length)
    last?.set(piece.subarray(0, fits), this.used)
    this.used += fits
    this.pending += fits
    if (fits === piece.length) return
    const rest = piece.subarray(fits)
    const page = new Uint8Array(Math.max(rest.length, Math.min(this.pending, largestPage)))
    page.set(rest)
    this.pages.push(page)
    this.used = rest.length
    this.pending += rest.length
  }

  private finish(last: Uint8Array): Uint8Array {
    let line = last
    if (this.pending > 0) {
      line = new Uint8Array(this.pending + last.length)
      let at = 0
      for (const page of this.pages) {
        // of the last one there may be less
        line.set(page.subarray(0, this.pending - at), at)
        at += Math.min(page.length, this.pending - at)
      }
      line.set(last, at)
      this.clear()
    }
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line
  }
}
