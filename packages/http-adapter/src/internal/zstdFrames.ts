/**
 * Where the frames of zstd end (RFC 8878), by their headers alone: Node's decoder takes the end of its input for the end of the body,
 * and only this tells whether something is missing. PURE.
 */

/** What is read next: so many bytes, which say how many are to be skipped. */
type Part = "magic" | "size" | "descriptor" | "block"

const lengths: Readonly<Record<Part, number>> = { magic: 4, size: 4, descriptor: 1, block: 3 }

const frame = 0xfd2fb528
/** of sixteen kinds, which programs use for themselves */
const skippable = 0x184d2a50

export class ZstdFrames {
  private part: Part = "magic"
  private value = 0
  private got = 0
  private skip = 0
  private checksum = 0
  private strange = false

  /** Whether nothing is missing. What is no frame at all is for the decoder to refuse. */
  get whole(): boolean {
    return this.strange || (this.part === "magic" && this.got === 0 && this.skip === 0)
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.strange;) {
      if (this.skip > 0) {
        const some = Math.min(this.skip, chunk.length - at)
        this.skip -= some
        at += some
        continue
      }
      // little-endian; by multiplication, since four bytes are more than a signed number holds
      this.value += (chunk[at++] ?? 0) * 2 ** (8 * this.got++)
      if (this.got < lengths[this.part]) continue
      const { value } = this
      this.value = 0
      this.got = 0
      this.read(value)
    }
  }

  private read(value: number): void {
    switch (this.part) {
      case "magic": {
        if (value === frame) this.part = "descriptor"
        else if (value >= skippable && value < skippable + 16) this.part = "size"
        else this.strange = true
        return
      }
      case "size": {
        this.skip = value
        this.part = "magic"
        return
      }
      case "descriptor": {
        const single = (value & 0x20) !== 0
        const dictionary = [0, 1, 2, 4][value & 3] ?? 0
        const content = [single ? 1 : 0, 2, 4, 8][value >> 6] ?? 0
        this.checksum = (value & 4) === 0 ? 0 : 4
        this.skip = (single ? 0 : 1) + dictionary + content
        this.part = "block"
        return
      }
      case "block": {
        const repeated = ((value >> 1) & 3) === 1
        this.skip = repeated ? 1 : value >> 3
        if ((value & 1) === 0) return
        this.skip += this.checksum
        this.part = "magic"
      }
    }
  }
}
