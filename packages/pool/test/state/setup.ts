/** What a world begins with. */
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { type HostSettings, resolve } from "../../src/internal/settings.ts"

export interface Setup {
  readonly total: number
  readonly idleTotal: number
  readonly slots: number
  readonly hosts: ReadonlyArray<{
    readonly settings: Partial<HostSettings>
    readonly multiplexes: boolean
    /** whether its addresses are known from the beginning */
    readonly known: boolean
  }>
}

const presets: HostSettings = Either.getOrThrow(resolve({}))

export const settingsOf = (given: Partial<HostSettings>): HostSettings => ({ ...presets, ...given })

const limits = fc.record({
  maxConnectionsPerHost: fc.constantFrom(3, 1, 2, 4, Infinity),
  maxConnectingPerHost: fc.constantFrom(2, 1, 3, Infinity),
  maxIdlePerHost: fc.constantFrom(4, 4, Infinity, Infinity, 1, 0),
  maxWaitersPerHost: fc.constantFrom(4, 0, 1, 2, Infinity),
  keepDials: fc.constantFrom(true, true, false),
  minIdle: fc.constantFrom(0, 0, 0, 1, 2),
  maxUses: fc.constantFrom(Infinity, Infinity, Infinity, Infinity, 1, 2),
  idleTimeout: fc.constantFrom(60_000, 1_000, Infinity),
  breaker: fc.record({
    failures: fc.constantFrom(2, 1, 3, Infinity),
    openFor: fc.constantFrom(100, 30_000),
    probes: fc.constantFrom(1, 2)
  })
})

/** `hosts`: how many; `multiplexes`: whether one connection may carry several leases. */
export const setup = (options: { readonly hosts: number; readonly multiplexes: fc.Arbitrary<boolean> }) =>
  fc.record({
    total: fc.constantFrom(4, 1, 2, 3, 6, Infinity),
    idleTotal: fc.constantFrom(Infinity, Infinity, 0, 1, 3),
    slots: fc.constantFrom(1, 2, 10),
    hosts: fc.array(
      fc.record({ settings: limits, multiplexes: options.multiplexes, known: fc.constantFrom(true, true, false) }),
      { minLength: 1, maxLength: options.hosts, size: "max" }
    )
  })
