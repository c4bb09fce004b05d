/**
 * The answers that arrive together are told together, when all that came with them is there: most short bodies are whole by then, and whoever
 * waits needs to be woken once. Between two records of TLS Node would let everybody run.
 */

export interface Told {
  /** the one that comes after it */
  next: Told | undefined
  tell(): void
}

export class Batch {
  private first: Told | undefined = undefined
  private last: Told | undefined = undefined

  add(one: Told): void {
    if (this.last === undefined) {
      this.first = one
      setImmediate(this.tell)
    } else this.last.next = one
    this.last = one
  }

  private readonly tell = (): void => {
    let one = this.first
    this.first = undefined
    this.last = undefined
    while (one !== undefined) {
      const { next } = one
      one.next = undefined
      one.tell()
      one = next
    }
  }
}
