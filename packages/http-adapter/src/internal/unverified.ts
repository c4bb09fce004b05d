/** Tells the log of hosts that anybody could be. */
import * as Effect from "effect/Effect"
import type { Origin } from "../Origin.ts"
import type { Identities } from "./openTls.ts"
import type { Identity } from "./tlsIdentities.ts"

/** Once for each host and identity, as long as both are the same. */
export const tellUnverified = (origin: Origin, { host, proxy }: Identities): Effect.Effect<void> =>
  isTrusting(host) || isTrusting(proxy)
    ? Effect.zipRight(told(origin.label, host), told(origin.proxy?.label ?? "", proxy))
    : Effect.void

const isTrusting = (identity: Identity | undefined): boolean => identity?.options.rejectUnauthorized === false

const told = (label: string, identity: Identity | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (identity === undefined || !isTrusting(identity) || identity.told.get(label) === true) return Effect.void
    identity.told.set(label, true)
    return Effect.logWarning(
      `${label}: its certificate is not verified, so anybody can pretend to be it (rejectUnauthorized: false)`
    )
  })
