/** Tells of leases that are held for too long: once each, with the span that acquired them. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { PoolEvent } from "../../PoolEvent.ts"
import type { Core } from "../core.ts"
import { about } from "../dial.ts"
import type { Borrow } from "../lease.ts"
import { loop } from "./loop.ts"

export const leakDetector = <K, Conn, E>(core: Core<K, Conn, E>): Effect.Effect<never> =>
  loop(core, "leak detector", core.alarms.leakDetector, (at) => {
    let next = Infinity
    for (const host of MutableHashMap.values(core.hosts)) {
      const { leakThreshold } = host.state.settings
      for (const lease of host.leases) {
        // the oldest come first: the rest are younger
        const due = lease.since + leakThreshold
        if (due > at) {
          next = Math.min(next, due)
          break
        }
        if (!lease.suspected) suspect(core, lease, at)
      }
    }
    return next
  })

const suspect = <K, Conn, E>(core: Core<K, Conn, E>, lease: Borrow<K, Conn, E>, at: number): void => {
  lease.suspected = true
  const span = Option.getOrUndefined(Context.getOption(lease.context, Tracer.ParentSpan))
  const name = span?._tag === "Span" ? span.name : undefined
  const held = at - lease.since
  lease.host.metrics.leaked()
  core.events.emit(
    PoolEvent.LeakSuspected({
      ...about(lease.source),
      at,
      held,
      span: name,
      traceId: span?.traceId,
      stack: lease.stack
    })
  )
  core.fibers.run(
    Effect.logWarning(
      `${core.settings.name}: a lease of ${lease.host.label} has been held for ${held} ms` +
        (name === undefined ? "" : `, acquired in span ${name}`) +
        (lease.stack === undefined ? "" : `\n${lease.stack}`)
    )
  )
}
