/** The last bytes of something long, such as what a process says on stderr. PURE. */
export class Tail {
  private readonly max: number
  private readonly parts: Array<Uint8Array> = []
  private size = 0
  /** bytes that were seen, kept or not */
  seen = 0

  constructor(max: number) {
    this.max = max
  }

  push(chunk: Uint8Array): void {
    this.seen += chunk.length
    if (this.max === 0 || chunk.length === 0) return
    // A copy: `slice` of a Buffer is none, and would keep all of the chunk.
    const kept = new Uint8Array(chunk.subarray(-this.max))
    this.parts.push(kept)
    this.size += kept.length
    // Many small pieces cost more than their bytes; joined, a tail is never more than a few pieces.
    if (this.size > 2 * this.max || this.parts.length > 64) this.join()
  }

  text(): string {
    return new TextDecoder().decode(this.join())
  }

  private join(): Uint8Array {
    const whole = new Uint8Array(this.size)
    let at = 0
    for (const part of this.parts) {
      whole.set(part, at)
      at += part.length
    }
    const last = this.max === 0 ? new Uint8Array(0) : whole.slice(-this.max)
    this.parts.length = 0
    if (last.length > 0) this.parts.push(last)
    this.size = last.length
    return last
  }
}

/** The end of what a process said on stderr, as much as a line of a log can bear. */
export const showStderr = (stderr: string): string => {
  const text = stderr.trimEnd()
  return text === "" ? "" : `; stderr: ${text.length > 400 ? `… ${text.slice(-400)}` : text}`
}
