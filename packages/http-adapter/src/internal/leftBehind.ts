/** Hosts that requests went to by settings of before: as whom, or through which proxy, nobody is any more. */
import type { PoolConfig } from "@watertight/pool"
import * as Equal from "effect/Equal"
import * as Origin from "../Origin.ts"
import type { ProxyChoice } from "./proxyChoice.ts"

type Overrides = NonNullable<PoolConfig.Options<Origin.Origin>["overrides"]>
type SettingsOf = (origin: Origin.Origin) => { readonly proxy: ProxyChoice }

/** What is open there is not kept, and nothing is dialed ahead. Whoever waits there is still served. */
const keepsNothing: Partial<PoolConfig.HostOptions> = { minIdle: 0, maxUses: 1, idleTimeout: 1 }

/** The overrides for the pool: the given ones, and for hosts that were left behind, that they keep nothing. */
export const leaving =
  (rest: Overrides | undefined, settingsOf: SettingsOf, identities: ReadonlyMap<string, unknown>): Overrides =>
  (origin) => {
    const own = rest?.(origin) ?? {}
    return isLedTo(origin, settingsOf, identities) ? own : { ...own, ...keepsNothing }
  }

const isLedTo = (
  origin: Origin.Origin,
  settingsOf: SettingsOf,
  identities: ReadonlyMap<string, unknown>
): boolean => {
  if (origin.identity !== undefined && !identities.has(origin.identity)) return false
  const direct = origin.proxy === undefined ? origin : Origin.make({ ...origin, proxy: undefined })
  return Equal.equals(settingsOf(direct).proxy.of(direct), origin.proxy)
}
