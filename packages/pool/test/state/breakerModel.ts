/** A circuit breaker in the words of the design, with a set of the probes under way where the implementation counts. */
import type { BreakerSettings } from "../../src/internal/state/breaker.ts"

export class BreakerModel {
  state: "closed" | "open" | "halfOpen" = "closed"
  failuresInARow = 0
  openUntil = 0
  /** who tries, while half-open */
  readonly probes = new Set<unknown>()
  readonly settings: BreakerSettings

  constructor(settings: BreakerSettings) {
    this.settings = settings
  }

  admits(now: number): boolean {
    if (this.state === "closed") return true
    return this.state === "open" ? now >= this.openUntil : this.probes.size < this.settings.probes
  }

  begin(who: unknown): void {
    if (this.state === "closed") return
    this.state = "halfOpen"
    this.probes.add(who)
  }

  succeed(who: unknown): void {
    if (this.state === "closed") this.failuresInARow = 0
    else if (this.probes.has(who)) this.become("closed")
  }

  /** Tells whether it has opened. */
  fail(who: unknown, now: number): boolean {
    if (this.state === "closed") {
      this.failuresInARow++
      if (this.failuresInARow < this.settings.failures) return false
    } else if (!this.probes.has(who)) return false
    this.become("open")
    this.openUntil = now + this.settings.openFor
    return true
  }

  forgo(who: unknown): void {
    this.probes.delete(who)
  }

  private become(state: "closed" | "open"): void {
    this.state = state
    this.failuresInARow = 0
    // the trial is over: whoever is still trying is no probe any more
    this.probes.clear()
  }
}
