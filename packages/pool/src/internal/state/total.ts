/**
 * The limit over all hosts. Hosts that find it exhausted stand in line and are served in turn, one dial each, so a newcomer
 * cannot take the permit that somebody else's idle connection was closed for. PURE; mutable inside.
 */
export class Total<H> {
  limit: number
  idleLimit: number
  used = 0
  /** sockets being closed: permits that are about to be free */
  closing = 0
  /** connections without a lease */
  idle = 0
  /** a Set keeps the order of arrival, and a host stands in it once */
  readonly line = new Set<H>()

  constructor(limit: number, idleLimit: number) {
    this.limit = limit
    this.idleLimit = idleLimit
  }

  /** Takes a permit for a host, or puts the host in line. */
  take(host: H): boolean {
    if (this.used < this.limit && (this.line.size === 0 || this.first === host)) {
      this.line.delete(host)
      this.used++
      return true
    }
    this.line.add(host)
    return false
  }

  /** Takes a permit only if nobody waits for one: for connections that nobody asked for yet. */
  takeSpare(): boolean {
    if (this.used >= this.limit || this.line.size > 0) return false
    this.used++
    return true
  }

  /** Takes the permit again that was given back in this very step. */
  takeAgain(): boolean {
    if (this.used >= this.limit) return false
    this.used++
    return true
  }

  give(): void {
    this.used--
  }

  /** The host whose turn it is. */
  get first(): H | undefined {
    return this.line.values().next().value
  }

  /** How many idle connections must be closed so that every host in line will get its permit. */
  get wanted(): number {
    return this.line.size - this.closing - Math.max(0, this.limit - this.used)
  }
}
