/** What has happened, in numbers: of one process, or of all. */
export interface Traffic {
  /** requests made of processes, pings and handshakes included */
  readonly requests: number
  /** of which were answered, with a result or an error */
  readonly answered: number
  /** whose time was over */
  readonly timedOut: number
  /** that were interrupted */
  readonly interrupted: number
  /** answers that came when nobody waited any more */
  readonly late: number
  /** answers to what had never been asked */
  readonly unasked: number
  /** lines that were no messages */
  readonly noise: number
  /** notifications of processes */
  readonly notifications: number
  /** of which a slow reader lost; counted once for each reader */
  readonly dropped: number
  /** requests of processes */
  readonly served: number
}

export type Counters = { -readonly [K in keyof Traffic]: number }

export const counters = (): Counters => ({
  requests: 0,
  answered: 0,
  timedOut: 0,
  interrupted: 0,
  late: 0,
  unasked: 0,
  noise: 0,
  notifications: 0,
  dropped: 0,
  served: 0
})
