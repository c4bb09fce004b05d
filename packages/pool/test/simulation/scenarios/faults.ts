/** How bad the world is: the chance of each fault, drawn where it could strike. */
export interface Faults {
  readonly resolveFails: number
  readonly resolveHangs: number
  /** A resolution answers with other addresses than the one before. */
  readonly addressesChange: number
  readonly dialRefused: number
  /** This process is at fault (out of descriptors), not the peer. */
  readonly dialFailsLocally: number
  readonly dialSlow: number
  readonly dialHangs: number
  /** The dial reports its own end before it has succeeded. */
  readonly dialReportsEarly: number
  /** The peer closes an open connection and says so. */
  readonly peerCloses: number
  /** The peer is gone without a word: only a check finds out. */
  readonly peerDiesSilently: number
  readonly peerDrains: number
  readonly peerSetsExpiry: number
  readonly capacityChanges: number
  /** The whole process stands still for a while: every timer is late at once. */
  readonly clockJumps: number
  readonly checkFails: number
  readonly checkHangs: number
  readonly closeSlow: number
  readonly closeHangs: number
  /** A signal comes twice. */
  readonly reportsTwice: number
  /** A signal comes after the connection was closed. */
  readonly reportsLate: number
  /** A connector's own code throws. Off by default: fibers that die of it need `allowDefects`. */
  readonly connectorThrows: number
}

export const calm: Faults = {
  resolveFails: 0,
  resolveHangs: 0,
  addressesChange: 0,
  dialRefused: 0,
  dialFailsLocally: 0,
  dialSlow: 0,
  dialHangs: 0,
  dialReportsEarly: 0,
  peerCloses: 0,
  peerDiesSilently: 0,
  peerDrains: 0,
  peerSetsExpiry: 0,
  capacityChanges: 0,
  clockJumps: 0,
  checkFails: 0,
  checkHangs: 0,
  closeSlow: 0,
  closeHangs: 0,
  reportsTwice: 0,
  reportsLate: 0,
  connectorThrows: 0
}

/** A bad day of everything at once. */
export const stormy: Faults = {
  resolveFails: 0.05,
  resolveHangs: 0.02,
  addressesChange: 0.2,
  dialRefused: 0.1,
  dialFailsLocally: 0.02,
  dialSlow: 0.1,
  dialHangs: 0.03,
  dialReportsEarly: 0.02,
  peerCloses: 0.2,
  peerDiesSilently: 0.05,
  peerDrains: 0.05,
  peerSetsExpiry: 0.05,
  capacityChanges: 0.1,
  clockJumps: 0.02,
  checkFails: 0.05,
  checkHangs: 0.03,
  closeSlow: 0.1,
  closeHangs: 0.02,
  reportsTwice: 0.1,
  reportsLate: 0.2,
  connectorThrows: 0
}
