import type { ExchangeError } from "../HttpError.ts"
import type { Wire } from "./connection.ts"

/** An exchange that failed before there was a response. */
export class Failed {
  readonly error: ExchangeError
  /** the connection was an old one, or ended before the request; in any case nothing came back */
  readonly unanswered: boolean
  readonly written: boolean
  /** the peer has certainly not looked at the request, however much of it was written */
  readonly unprocessed: boolean
  /** the connection carried others as well, which all failed if it ended */
  readonly shared: boolean
  /** whether the settings of the host allow to send a request again */
  readonly replay: boolean

  constructor(
    error: ExchangeError,
    unanswered: boolean,
    written: boolean,
    unprocessed: boolean,
    { settings, shared }: Wire
  ) {
    this.error = error
    this.unanswered = unanswered
    this.written = written
    this.unprocessed = unprocessed
    this.shared = shared
    this.replay = settings.replay
  }
}
