/**
 * The end of a pool: refuse, let the leases at work finish for a while, cut the rest, and wait until every fiber and every
 * socket of the pool is gone. It runs once, in a fiber of its own, whoever asks and however often; all see the same report.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as MutableHashMap from "effect/MutableHashMap"
import { PoolEvent } from "../PoolEvent.ts"
import type { ShutdownReport } from "../PoolStats.ts"
import { type Core, now, type State } from "./core.ts"
import { forget } from "./hosts.ts"
import type { Member } from "./state/member.ts"
import * as Transitions from "./state/transitions.ts"
import { step, unwatch, watch } from "./step.ts"

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
    const graceful = new Set(members(core, (state) => [state.idle, state.busy, state.spare]))
    const abandonedBefore = new Set(members(core, (state) => [state.abandoned]))
    core.closed = true
    core.events.emit(PoolEvent.ShutdownStarted({ at: startedAt }))
    for (const host of MutableHashMap.values(core.hosts)) step(host, (state, _, out) => Transitions.shut(state, out))
    yield* Fiber.interruptAll(core.loops)

    const { closeTimeout, shutdownGrace } = core.settings
    yield* until(core, (done) => whenever(core, () => allReturned(core), done), shutdownGrace)
    for (const member of members(core, (state) => [state.busy, state.spare])) graceful.delete(member)
    let cut = 0
    for (const host of MutableHashMap.values(core.hosts)) {
      cut += step(host, (state, _, out) => Transitions.cut(state, out))
    }

    // Each close has its own limit, after which it is abandoned: this ends.
    yield* until(core, (done) => whenever(core, () => core.total.used === 0, done))
    yield* until(core, (done) => core.fibers.stop(done), closeTimeout)
    yield* Fiber.interrupt(timekeeper)
    core.timekeeper.clear()
    yield* until(core, (done) => core.sleepers.stop(done))
    const abandoned = members(core, (state) => [state.abandoned]).filter((member) => !abandonedBefore.has(member))
    for (const member of abandoned) graceful.delete(member)
    for (const host of MutableHashMap.values(core.hosts)) forget(host)
    core.events.close()
    return { graceful: graceful.size, cut, abandoned: abandoned.length, elapsed: now(core) - startedAt }
  })

/** The connections of all hosts that are in some of their lists. */
const members = <K, Conn, E>(
  core: Core<K, Conn, E>,
  lists: (state: State<K, Conn, E>) => ReadonlyArray<Iterable<Member>>
): ReadonlyArray<Member> => {
  const all: Array<Member> = []
  for (const { state } of MutableHashMap.values(core.hosts)) {
    for (const list of lists(state)) for (const member of list) all.push(member)
  }
  return all
}

const allReturned = <K, Conn, E>(core: Core<K, Conn, E>): boolean => {
  for (const { state } of MutableHashMap.values(core.hosts)) if (state.active > 0) return false
  return true
}

/** Waits until it is done, or for so many milliseconds. The pool's own timekeeper is at hand, so nothing has to be raced. */
const until = <K, Conn, E>(
  core: Core<K, Conn, E>,
  start: (done: () => void) => void,
  millis = Infinity
): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const timer = core.timekeeper.at(now(core) + millis, () => resume(Effect.void))
    start(() => {
      core.timekeeper.cancel(timer)
      resume(Effect.void)
    })
  })

/** Tells when something holds, looking after every step of any host. */
const whenever = <K, Conn, E>(core: Core<K, Conn, E>, holds: () => boolean, done: () => void): void => {
  const hosts = Array.from(MutableHashMap.values(core.hosts))
  const look = (): void => {
    if (!holds()) return
    for (const host of hosts) unwatch(host, look)
    done()
  }
  for (const host of hosts) watch(host, look)
  look()
}
