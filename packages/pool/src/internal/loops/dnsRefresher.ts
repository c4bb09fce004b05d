/** Asks again for the addresses of every host that is in use, once an interval or when their time to live is over. */
import type * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import type { Core } from "../core.ts"
import { refresh } from "../resolve.ts"
import { loop } from "./loop.ts"

export const dnsRefresher = <K, Conn, E>(core: Core<K, Conn, E>): Effect.Effect<never> =>
  loop(core, "DNS refresher", core.alarms.dnsRefresher, (at) => {
    let next = Infinity
    for (const host of MutableHashMap.values(core.hosts)) {
      if (host.refreshAt <= at) {
        // the answer sets the next time
        host.refreshAt = Infinity
        refresh(host)
      } else next = Math.min(next, host.refreshAt)
    }
    return next
  })
