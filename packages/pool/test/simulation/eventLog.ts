/** One thing that happened in a run, and when. */
export interface LoggedEvent {
  readonly event: string
  readonly step: number
  readonly millis: number
}

const fnvPrime = 0x01000193

/**
 * The history of a run, in two forms: a hash over everything (two runs are the same run when it agrees) and the last
 * events in full, for the report of a failure.
 */
export class EventLog {
  readonly #capacity: number
  readonly #ring: Array<LoggedEvent> = []
  #count = 0
  #hash = 0x811c9dc5
  #eventHash = 0x811c9dc5

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity)
  }

  /** Over the events and every choice of the scheduler. */
  get hash(): number {
    return this.#hash >>> 0
  }

  /** Over the events alone: two schedules that nobody can tell apart agree in it. */
  get eventHash(): number {
    return this.#eventHash >>> 0
  }

  add(event: string, step: number, millis: number): void {
    let hash = this.#eventHash
    for (let index = 0; index < event.length; index++) hash = Math.imul(hash ^ event.charCodeAt(index), fnvPrime)
    this.#eventHash = Math.imul(hash ^ millis, fnvPrime)
    this.choice(this.#eventHash)
    this.#ring[this.#count++ % this.#capacity] = { event, step, millis }
  }

  /** Folds a choice into the hash without making it an event. */
  choice(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, fnvPrime)
  }

  /** The last events, oldest first. */
  trailing(): ReadonlyArray<LoggedEvent> {
    if (this.#count <= this.#capacity) return this.#ring.slice()
    const oldest = this.#count % this.#capacity
    return [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)]
  }

  get dropped(): number {
    return Math.max(0, this.#count - this.#capacity)
  }
}
