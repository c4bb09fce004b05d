/** Finding a host's addresses: once at a time per host, so many hosts at once, and not for longer than allowed. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableHashMap from "effect/MutableHashMap"
import type { Resolution } from "../Connector.ts"
import * as PoolError from "../PoolError.ts"
import { PoolEvent } from "../PoolEvent.ts"
import { type Core, type Host, now } from "./core.ts"
import { failureOf } from "./dial.ts"
import { interrupt } from "./fibers.ts"
import { situation } from "./situation.ts"
import type { Failure } from "./state/dial.ts"
import * as Transitions from "./state/transitions.ts"
import { step } from "./step.ts"

/** The state has noted that the host is being resolved. */
export const startResolve = <K, Conn, E>(host: Host<K, Conn, E>): void => {
  host.core.toResolve.add(host)
  next(host.core)
}

/** Asks again for the addresses of a host that is known. */
export const refresh = <K, Conn, E>(host: Host<K, Conn, E>): void => {
  if (host.state.resolving || host.state.shut) return
  host.state.resolving = true
  startResolve(host)
}

/** The settings have changed: other periods, and perhaps more hosts at once. */
export const rearrange = <K, Conn, E>(core: Core<K, Conn, E>): void => {
  for (const host of MutableHashMap.values(core.hosts)) {
    const { addresses: { learnedAt }, resolving } = host.state
    // The answer of one that is being asked sets its next time.
    if (learnedAt === undefined || resolving) continue
    askAgain(host, learnedAt + Math.min(core.settings.dnsRefreshInterval, host.timeToLive))
  }
  next(core)
}

const next = <K, Conn, E>(core: Core<K, Conn, E>): void => {
  // Whatever is begun now would not be ended with the rest.
  if (core.closed) return
  for (const host of core.toResolve) {
    if (!core.resolves.free) return
    core.toResolve.delete(host)
    core.resolves.used++
    resolve(host)
  }
}

const resolve = <K, Conn, E>(host: Host<K, Conn, E>): void => {
  const { core, state } = host
  const { resolveTimeout } = state.settings
  const startedAt = now(core)
  let over = false
  const finish = (conclude: () => void): void => {
    // The first of answer and time limit counts; a system call that cannot be stopped must not hold its slot for ever.
    if (over) return
    over = true
    core.timekeeper.cancel(deadline)
    core.resolves.used--
    conclude()
    next(core)
  }
  const ask = Effect.exit(
    Effect.interruptible(Effect.suspend(() => core.connector.resolve(host.key)).pipe(Effect.map(checked)))
  )
  const fiber = core.fibers.run(Effect.map(ask, (exit) => finish(() => answered(host, exit))))
  const deadline = core.timekeeper.at(startedAt + resolveTimeout, () => {
    finish(() => {
      const error = new PoolError.ResolveTimeout({ ...situation(host, startedAt), timeout: resolveTimeout })
      failed(host, { error: Cause.fail(error), fault: "peer" })
    })
    interrupt(fiber)
  })
}

/** Before the state learns of it: an answer that is none must cost its host no more than a failure. */
const checked = (
  { addresses, ttl }: Resolution
): { readonly addresses: ReadonlyArray<string>; readonly ttl: number } => ({
  addresses: Array.from(addresses),
  ttl: ttl === undefined ? Infinity : Math.max(1_000, Duration.toMillis(ttl))
})

const answered = <K, Conn, E>(host: Host<K, Conn, E>, exit: Exit.Exit<ReturnType<typeof checked>, E>): void => {
  if (Exit.isFailure(exit)) return failed(host, failureOf(host, exit.cause))
  const { core } = host
  const at = now(core)
  const { addresses, ttl } = exit.value
  // No address at all is no good answer: the last good one stands.
  if (addresses.length === 0) return failed(host, undefined)
  const change = step(host, (state, time, out) => Transitions.resolved(state, addresses, time, out))
  host.timeToLive = ttl
  askAgain(host, at + Math.min(core.settings.dnsRefreshInterval, host.timeToLive))
  if (!core.events.active || (change.added.length === 0 && change.removed.length === 0)) return
  core.events.emit(
    PoolEvent.AddressesChanged({
      at,
      host: host.label,
      added: change.added.map((endpoint) => endpoint.address),
      removed: change.removed.map((endpoint) => endpoint.address)
    })
  )
}

const failed = <K, Conn, E>(host: Host<K, Conn, E>, failure: Failure | undefined): void => {
  const { core } = host
  const at = now(core)
  // see `failureOf`
  const text = failure === undefined
    ? "the resolver knows no address"
    : Cause.pretty(failure.error as Cause.Cause<unknown>).split("\n", 1)[0] ?? ""
  host.lastFailure = { at, text }
  if (core.events.active) core.events.emit(PoolEvent.ResolveFailed({ at, host: host.label, failure: text }))
  step(host, (state, time, out) => Transitions.unresolved(state, failure, time, out))
  if (host.state.addresses.known) askAgain(host, at + Math.min(core.settings.dnsRefreshInterval, host.timeToLive))
}

const askAgain = <K, Conn, E>(host: Host<K, Conn, E>, at: number): void => {
  host.refreshAt = at
  host.core.alarms.dnsRefresher.soonest(at)
}
