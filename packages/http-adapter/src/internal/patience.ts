/** The one time limit that an exchange has at a time: on the head, on a reader to come, on pauses of the body, on a drain. */
import type { Timekeeper } from "@watertight/pool"

export class Patience {
  private readonly keeper: Timekeeper.Timekeeper
  private timer: Timekeeper.Timer | undefined = undefined

  constructor(keeper: Timekeeper.Timekeeper) {
    this.keeper = keeper
  }

  get limited(): boolean {
    return this.timer !== undefined
  }

  limit(millis: number, late: () => void): void {
    this.end()
    if (millis < Infinity) this.timer = this.keeper.at(this.keeper.now() + millis, late)
  }

  end(): void {
    if (this.timer === undefined) return
    this.keeper.cancel(this.timer)
    this.timer = undefined
  }
}
