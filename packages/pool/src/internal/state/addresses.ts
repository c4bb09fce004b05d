/**
 * The addresses of one host: which are current, how each one is doing, and which to dial next. PURE; mutable inside.
 */
import type { Address } from "../../Connector.ts"
import * as Breaker from "./breaker.ts"

/** Milliseconds that a failed address is passed over when another is there, doubled by each failure in a row. */
const avoidFirst = 100
const avoidMost = 5_000

export interface Endpoint {
  readonly address: Address
  current: boolean
  breaker: Breaker.Breaker
  /** connecting and open connections */
  connections: number
  leases: number
  /** after a failure, the address goes to the end of the line until then */
  avoidUntil: number
  failuresInARow: number
}

export class Addresses {
  readonly endpoints = new Map<Address, Endpoint>()
  /** when the addresses were last learned; undefined as long as they are not known */
  learnedAt: number | undefined = undefined

  get known(): boolean {
    return this.learnedAt !== undefined
  }

  /** Takes over a new answer of the resolver and tells what it changed. */
  learn(addresses: ReadonlyArray<Address>, now: number): { added: Array<Endpoint>; removed: Array<Endpoint> } {
    const wanted = new Set(addresses)
    const added: Array<Endpoint> = []
    const removed: Array<Endpoint> = []
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.current && !wanted.has(endpoint.address)) {
        endpoint.current = false
        removed.push(endpoint)
      }
    }
    for (const address of wanted) {
      const known = this.endpoints.get(address)
      if (known?.current === true) continue
      const endpoint = known ?? {
        address,
        current: true,
        breaker: Breaker.closed,
        connections: 0,
        leases: 0,
        avoidUntil: 0,
        failuresInARow: 0
      }
      endpoint.current = true
      this.endpoints.set(address, endpoint)
      added.push(endpoint)
    }
    this.learnedAt = now
    for (const endpoint of removed) this.forgetIfUnused(endpoint)
    return { added, removed }
  }

  /**
   * The address to dial next: one whose breaker admits a dial and that was not tried yet; those that failed a moment ago
   * last, then the one with the least leases, then with the least connections, then in the resolver's order.
   */
  choose(tried: ReadonlySet<Endpoint>, settings: Breaker.BreakerSettings, now: number): Endpoint | undefined {
    let best: Endpoint | undefined
    for (const endpoint of this.endpoints.values()) {
      if (!endpoint.current || tried.has(endpoint) || !Breaker.admits(endpoint.breaker, settings, now)) continue
      if (best === undefined || before(endpoint, best, now)) best = endpoint
    }
    return best
  }

  /** Whether a dial could start on some address. */
  available(settings: Breaker.BreakerSettings, now: number): boolean {
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.current && Breaker.admits(endpoint.breaker, settings, now)) return true
    }
    return false
  }

  /** Milliseconds until the first address may be tried again. */
  retryAfter(now: number): number {
    let least = Infinity
    for (const endpoint of this.endpoints.values()) {
      if (endpoint.current) least = Math.min(least, Breaker.retryAfter(endpoint.breaker, now))
    }
    return least === Infinity ? 0 : least
  }

  /** When background dials may go on: as long as every address has just failed, they wait. */
  avoidedUntil(): number {
    let least = Infinity
    for (const endpoint of this.endpoints.values()) if (endpoint.current) least = Math.min(least, endpoint.avoidUntil)
    return least === Infinity ? 0 : least
  }

  /** A departed address is forgotten with its last connection. */
  forgetIfUnused(endpoint: Endpoint): void {
    if (!endpoint.current && endpoint.connections === 0) this.endpoints.delete(endpoint.address)
  }
}

export const noteFailure = (endpoint: Endpoint, now: number): void => {
  endpoint.avoidUntil = now + Math.min(avoidMost, avoidFirst * 2 ** endpoint.failuresInARow)
  endpoint.failuresInARow++
}

export const noteSuccess = (endpoint: Endpoint): void => {
  endpoint.avoidUntil = 0
  endpoint.failuresInARow = 0
}

const before = (a: Endpoint, b: Endpoint, now: number): boolean => {
  const avoidA = a.avoidUntil > now
  const avoidB = b.avoidUntil > now
  if (avoidA !== avoidB) return avoidB
  if (a.leases !== b.leases) return a.leases < b.leases
  return a.connections < b.connections
}
