/**
 * The circuit breaker of one address: closed → open after consecutive failures of the peer → half-open, in which exactly
 * `probes` connections may try → closed by a success, open again by a failure. PURE, and immutable.
 */
export interface BreakerSettings {
  readonly failures: number
  readonly openFor: number
  readonly probes: number
}

export type Breaker =
  | { readonly state: "closed"; readonly failures: number }
  | { readonly state: "open"; readonly until: number }
  | { readonly state: "halfOpen"; readonly probing: number }

export const closed: Breaker = { state: "closed", failures: 0 }

/** Whether a dial may start now. */
export const admits = (self: Breaker, settings: BreakerSettings, now: number): boolean => {
  switch (self.state) {
    case "closed":
      return true
    case "open":
      return now >= self.until
    case "halfOpen":
      return self.probing < settings.probes
  }
}

/** A dial starts. Only call it when `admits` says so; the dial is a probe when the outcome is not closed. */
export const begin = (self: Breaker): Breaker => {
  switch (self.state) {
    case "closed":
      return self
    case "open":
      return { state: "halfOpen", probing: 1 }
    case "halfOpen":
      return { state: "halfOpen", probing: self.probing + 1 }
  }
}

/** The peer did what was asked. Only a probe can close a breaker: an old connection says nothing about new ones. */
export const succeed = (self: Breaker, probe: boolean): Breaker =>
  self.state === "closed" ? (self.failures === 0 ? self : closed) : probe && self.state === "halfOpen" ? closed : self

/** The peer failed. */
export const fail = (self: Breaker, settings: BreakerSettings, probe: boolean, now: number): Breaker => {
  switch (self.state) {
    case "closed":
      return self.failures + 1 >= settings.failures
        ? { state: "open", until: now + settings.openFor }
        : { state: "closed", failures: self.failures + 1 }
    case "open":
      return self
    case "halfOpen":
      return probe ? { state: "open", until: now + settings.openFor } : self
  }
}

/** A probe ended without a verdict (interrupted, a local fault): its place is free for another. */
export const forgo = (self: Breaker): Breaker =>
  self.state === "halfOpen" ? { state: "halfOpen", probing: Math.max(0, self.probing - 1) } : self

/** Milliseconds until a dial may start; 0 when it may now, or when a probe is under way. */
export const retryAfter = (self: Breaker, now: number): number =>
  self.state === "open" ? Math.max(0, self.until - now) : 0
