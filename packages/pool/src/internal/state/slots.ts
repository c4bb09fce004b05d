/** A count of things that may run at once. PURE; mutable inside. */
export class Slots {
  limit: number
  used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get free(): boolean {
    return this.used < this.limit
  }
}
