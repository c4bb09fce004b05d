/**
 * The end of a pool: refuse, let the leases at work finish for a while, cut the rest, and wait until every fiber and every
 * socket of the pool is gone. It runs once, in a fiber of its own, whoever asks and however often; all see the same report.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as MutableHashMap from "effect/MutableHashMap"
import { PoolEvent } from "../PoolEvent.ts"
import type { ShutdownReport } from "../PoolStats.ts"
import { type Core, now } from "./core.ts"
import { forget } from "./hosts.ts"
import * as Transitions from "./state/transitions.ts"
import { step } from "./step.ts"

export const makeShutdown = <K, Conn, E>(
  core: Core<K, Conn, E>,
  timekeeper: Fiber.RuntimeFiber<never>
): Effect.Effect<ShutdownReport> => {
  let report: Deferred.Deferred<ShutdownReport> | undefined
  return Effect.suspend(() => {
    if (report === undefined) {
      const result = Deferred.unsafeMake<ShutdownReport>(FiberId.none)
      report = result
      // In a fiber of its own: whoever asked first may be interrupted.
      core.fibers.apart(Effect.intoDeferred(end(core, timekeeper), result))
    }
    return Deferred.await(report)
  })
}

const end = <K, Conn, E>(
  core: Core<K, Conn, E>,
  timekeeper: Fiber.RuntimeFiber<never>
): Effect.Effect<ShutdownReport> =>
  Effect.gen(function*() {
    const startedAt = now(core)
    const open = sum(core, (state) => state.active + state.idle.size)
    const abandonedBefore = sum(core, (state) => state.abandoned.size)
    core.closed = true
    core.events.emit(PoolEvent.ShutdownStarted({ at: startedAt }))
    for (const host of MutableHashMap.values(core.hosts)) step(host, (state, _, out) => Transitions.shut(state, out))
    yield* Fiber.interruptAll(core.loops)

    const { shutdownGrace } = core.settings
    yield* until(core, () => sum(core, (state) => state.active) === 0, shutdownGrace)
    let cut = 0
    for (const host of MutableHashMap.values(core.hosts)) {
      cut += step(host, (state, _, out) => Transitions.cut(state, out))
    }

    // Each close has its own limit, after which it is abandoned: this ends.
    yield* until(core, () => core.total.used === 0, Infinity)
    yield* core.fibers.end(Duration.millis(core.settings.closeTimeout))
    yield* Fiber.interrupt(timekeeper)
    core.timekeeper.clear()
    const abandoned = sum(core, (state) => state.abandoned.size) - abandonedBefore
    for (const host of MutableHashMap.values(core.hosts)) forget(host)
    core.events.close()
    return { graceful: Math.max(0, open - cut - abandoned), cut, abandoned, elapsed: now(core) - startedAt }
  })

const sum = <K, Conn, E>(
  core: Core<K, Conn, E>,
  count: (state: Parameters<typeof step<K, Conn, E, number>>[0]["state"]) => number
): number => {
  let total = 0
  for (const host of MutableHashMap.values(core.hosts)) total += count(host.state)
  return total
}

/** Waits until something holds, looking after every step of any host, but not longer than so many milliseconds. */
const until = <K, Conn, E>(core: Core<K, Conn, E>, holds: () => boolean, within: number): Effect.Effect<void> => {
  const wait = Effect.async<void>((resume) => {
    const hosts = Array.from(MutableHashMap.values(core.hosts))
    const look = (): void => {
      if (!holds()) return
      leave()
      resume(Effect.void)
    }
    const leave = (): void => {
      for (const host of hosts) host.watchers.delete(look)
    }
    for (const host of hosts) host.watchers.add(look)
    look()
    return Effect.sync(leave)
  })
  return Effect.suspend(() => {
    if (holds()) return Effect.void
    return within === Infinity ? wait : Effect.asVoid(Effect.timeoutOption(Effect.interruptible(wait), within))
  })
}
