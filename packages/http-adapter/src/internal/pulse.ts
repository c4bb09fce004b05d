/**
 * Whether a peer that owes an answer is still there. Once it has been silent for a while it is asked, and given up if it does not answer
 * in time. One deadline for a connection, however many requests it carries.
 */
import type { Timekeeper } from "@watertight/pool"

/** Whom it listens to. */
export interface Patient {
  /** whether something is awaited of it */
  readonly busy: boolean
  ping(done: (error?: Error) => void): void
  lose(reason: Error): void
}

export interface Periods {
  readonly pingInterval: number
  readonly pingTimeout: number
}

export class Pulse {
  private readonly patient: Patient
  private readonly keeper: Timekeeper.Timekeeper
  private readonly periods: Periods
  private timer: Timekeeper.Timer | undefined = undefined
  private asking = false
  private stopped = false
  /** when the peer was last heard of */
  heardAt: number

  constructor(patient: Patient, keeper: Timekeeper.Timekeeper, periods: Periods) {
    this.patient = patient
    this.keeper = keeper
    this.periods = periods
    this.heardAt = keeper.now()
  }

  /** Something is awaited from now on. */
  watch(): void {
    if (this.timer !== undefined || this.asking || this.stopped) return
    // what was before nobody had asked for
    this.heardAt = this.keeper.now()
    this.wait()
  }

  heard(): void {
    this.heardAt = this.keeper.now()
  }

  stop(): void {
    this.stopped = true
    this.end()
  }

  /** It stays when nothing is awaited any more, and ends when it rings: requests one after the other need one timer, not each its own. */
  private wait(): void {
    this.timer = this.keeper.at(this.heardAt + this.periods.pingInterval, () => {
      this.timer = undefined
      if (!this.patient.busy) return
      if (this.keeper.now() < this.heardAt + this.periods.pingInterval) this.wait()
      else this.ask()
    })
  }

  private ask(): void {
    const { keeper, patient, periods: { pingTimeout } } = this
    this.asking = true
    this.timer = keeper.at(
      keeper.now() + pingTimeout,
      () => patient.lose(new Error(`no answer to a PING within ${pingTimeout} ms`))
    )
    patient.ping((error) => {
      if (this.stopped) return
      this.asking = false
      this.end()
      // a PING that could not be sent says nothing: the next one may
      if (error === undefined) this.heard()
      else this.heardAt = keeper.now()
      if (patient.busy) this.wait()
    })
  }

  private end(): void {
    this.keeper.cancel(this.timer)
    this.timer = undefined
  }
}
