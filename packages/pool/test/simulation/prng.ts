/**
 * Seeded random numbers (sfc32). Each concern of a run draws from its own stream of the same seed, so a change in how
 * often one of them draws does not reshuffle the others.
 */
export class Prng {
  #a: number
  #b: number
  #c = 0x9e3779b9 | 0
  #counter = 1

  constructor(seed: number, stream: number) {
    this.#a = seed | 0
    this.#b = stream | 0
    // The first outputs still show the seed; neighbouring seeds must not start alike.
    for (let round = 0; round < 15; round++) this.#next()
  }

  /** A whole number from 0 to `bound - 1`. */
  int(bound: number): number {
    return bound <= 1 ? 0 : this.#next() % bound
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1)
  }

  /** A number from 0 (included) to 1 (excluded). */
  float(): number {
    return this.#next() / 4294967296
  }

  /** True with this probability. Draws nothing for 0 or less, so a fault that is switched off costs no randomness. */
  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability
  }

  /** How many trials until the first success. One draw instead of one per trial. */
  trialsUntilSuccess(probability: number): number {
    if (probability <= 0) return Number.MAX_SAFE_INTEGER
    if (probability >= 1) return 1
    return 1 + Math.floor(Math.log(1 - this.float()) / Math.log(1 - probability))
  }

  pick<A>(items: ReadonlyArray<A>): A | undefined {
    return items[this.int(items.length)]
  }

  /** One of the choices, each as likely as its weight; only the chosen one is made. */
  weighted<A>(choices: ReadonlyArray<readonly [weight: number, make: () => A]>): A {
    let rest = this.int(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, make] of choices) {
      if (rest < weight) return make()
      rest -= weight
    }
    throw new RangeError("nothing to choose from")
  }

  #next(): number {
    const output = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + output) | 0
    return output >>> 0
  }
}
