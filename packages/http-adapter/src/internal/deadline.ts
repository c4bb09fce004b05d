/** The time that a request has from its beginning to the end of its body, waiting in line included. */
import type { Timekeeper } from "@watertight/pool"
import { TotalTimeout } from "../HttpError.ts"
import type { Exchange } from "./exchange.ts"

export class Deadline {
  private readonly keeper: Timekeeper.Timekeeper
  private readonly timeout: number
  private readonly at: number

  constructor(keeper: Timekeeper.Timekeeper, timeout: number) {
    this.keeper = keeper
    this.timeout = timeout
    this.at = keeper.now() + timeout
  }

  /** milliseconds; none when it has passed */
  get left(): number {
    return Math.max(0, this.at - this.keeper.now())
  }

  /** From now on the exchange ends with it. */
  limit(exchange: Exchange): void {
    const timer = this.keeper.at(this.at, () => {
      exchange.abort(this.passed(exchange.host, exchange.status === 0 ? "response" : "body"))
    })
    exchange.atEnd(() => this.keeper.cancel(timer))
  }

  passed(host: string, stage: TotalTimeout["stage"], cause?: unknown): TotalTimeout {
    return new TotalTimeout({ host, timeout: this.timeout, stage, cause })
  }
}
