import type { ExchangeError } from "../HttpError.ts"

/** An exchange that failed before there was a response. */
export class Failed {
  readonly error: ExchangeError
  /** the connection was an old one, or ended before the request; in any case nothing came back */
  readonly unanswered: boolean
  readonly written: boolean
  /** whether the settings of the host allow to send a request again */
  readonly replay: boolean

  constructor(error: ExchangeError, unanswered: boolean, written: boolean, replay: boolean) {
    this.error = error
    this.unanswered = unanswered
    this.written = written
    this.replay = replay
  }
}
