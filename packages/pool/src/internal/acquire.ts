/** The way in: a connection that is there, or a place in the queue. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import type { AcquireOptions, Restore } from "../ConnectionPool.ts"
import * as PoolError from "../PoolError.ts"
import { PoolEvent } from "../PoolEvent.ts"
import { Caller } from "./caller.ts"
import type { Connection } from "./connection.ts"
import { type Core, type Host, now, type Out } from "./core.ts"
import { notice } from "./heartbeat.ts"
import { admit, find } from "./hosts.ts"
import { Borrow } from "./lease.ts"
import { argument, period } from "./rules.ts"
import { situation } from "./situation.ts"
import * as Transitions from "./state/transitions.ts"
import { finish, noteRefusal, step } from "./step.ts"
import { mark } from "./tracing.ts"

type Holder = Fiber.RuntimeFiber<unknown, unknown>

/** The fast path: a lease at once, if a connection is idle. One step, no effect. */
export const take = <K, Conn, E>(
  core: Core<K, Conn, E>,
  key: K,
  options: AcquireOptions | undefined,
  holder: Holder
): Borrow<K, Conn, E> | undefined => {
  const host = find(core, key)
  if (host === undefined || core.closed || options?.fresh === true) return undefined
  // told also when nothing has to be waited for
  if (options !== undefined) timeoutOf(options)
  const at = now(core)
  notice(core, at)
  const out: Out<K, Conn, E> = []
  const connection = Transitions.take(host.state, at, out)
  const lease = connection === undefined ? undefined : lend(host, connection, holder, at, 0)
  finish(host, out)
  return lease
}

/**
 * The other path: joins the queue, waits, and goes on with the lease. To be run uninterruptibly; only the wait itself is restored.
 * What a waiter holds on to while it waits is all that a long queue costs, so there is no operation here that could be spared.
 */
export const wait = <K, Conn, E, A, E2, R>(
  core: Core<K, Conn, E>,
  key: K,
  options: AcquireOptions | undefined,
  holder: Holder,
  restore: Restore,
  goOn: (lease: Borrow<K, Conn, E>) => Effect.Effect<A, E2, R>
): Effect.Effect<A, PoolError.AcquireError | E | E2, R> => {
  const host = admit(core, key)
  if (Either.isLeft(host)) return Effect.fail(host.left)
  const caller = enqueue(host.right, options, holder)
  return Effect.matchCauseEffect(restore(caller.await()), {
    // Outside `restore`: no interruption can come between the end of the wait and this.
    onFailure: (cause) => {
      withdraw(caller)
      return Effect.failCause(cause)
    },
    onSuccess: goOn
  })
}

const timeoutOf = (options: AcquireOptions | undefined): number | undefined =>
  options?.timeout === undefined ? undefined : argument("timeout", period, options.timeout)

const enqueue = <K, Conn, E>(
  host: Host<K, Conn, E>,
  options: AcquireOptions | undefined,
  holder: Holder
): Caller<K, Conn, E> => {
  const { core, state } = host
  const at = now(core)
  notice(core, at)
  const timeout = timeoutOf(options) ?? state.settings.acquireTimeout
  const caller = new Caller(host, holder, at, options?.fresh === true, at + timeout, options?.span)
  step(host, (_, time, out) => Transitions.join(state, caller, time, out))
  if (!caller.queued) return caller
  if (caller.deadline < host.patience) watchPatience(host, caller.deadline)
  mark(caller, "watertight.waiting", at)
  if (core.events.active && caller.dial === undefined) {
    core.events.emit(PoolEvent.Waiting({ at, host: host.label, position: state.waiters.undialedSize }))
  }
  return caller
}

/** The wait ended without an answer, or the answer came too late to be received. */
const withdraw = <K, Conn, E>(caller: Caller<K, Conn, E>): void => {
  const { host } = caller
  caller.lease?.neverReceived()
  if (caller.queued) step(host, (state, at, out) => Transitions.leave(state, caller, at, out))
}

/**
 * One timer per host, for the first of its waiters whose time will be over. A waiter that is served leaves it alone: most are, and
 * then the timer finds nobody.
 */
const watchPatience = <K, Conn, E>(host: Host<K, Conn, E>, until: number): void => {
  const { timekeeper } = host.core
  timekeeper.cancel(host.patienceTimer)
  host.patience = until
  host.patienceTimer = timekeeper.at(until, () => {
    host.patience = Infinity
    const { due, next } = host.state.waiters.due(now(host.core))
    if (next < host.patience) watchPatience(host, next)
    for (const caller of due) timeOut(caller)
  })
}

const timeOut = <K, Conn, E>(caller: Caller<K, Conn, E>): void => {
  // the end of another one's wait may have changed this one's
  if (!caller.queued) return
  const { host } = caller
  const timeout = caller.deadline - caller.since
  const { lastFailure } = host
  const error = new PoolError.AcquireTimeout({
    ...situation(host, caller.since),
    timeout,
    heldByCaller: heldBy(host, caller.fiber),
    lastFailure: lastFailure !== undefined && lastFailure.at >= caller.since ? lastFailure.text : undefined
  })
  step(host, (state, at, out) => Transitions.leave(state, caller, at, out))
  noteRefusal(host, error._tag, caller.since)
  caller.settle(Effect.fail(error))
}

const heldBy = <K, Conn, E>(host: Host<K, Conn, E>, fiber: Holder): number => {
  let held = 0
  for (const lease of host.leases) if (lease.holder === fiber) held++
  return held
}

/** A connection goes to a waiter. */
export const serve = <K, Conn, E>(
  host: Host<K, Conn, E>,
  caller: Caller<K, Conn, E>,
  connection: Connection<K, Conn, E>
): void => {
  const at = now(host.core)
  const waited = at - caller.since
  const lease = lend(host, connection, caller.fiber, at, waited)
  caller.lease = lease
  host.metrics.waited(waited)
  mark(caller, "watertight.acquired", at)
  caller.settle(Effect.succeed(lease))
}

const lend = <K, Conn, E>(
  host: Host<K, Conn, E>,
  connection: Connection<K, Conn, E>,
  holder: Holder,
  at: number,
  waited: number
): Borrow<K, Conn, E> => {
  const { core } = host
  const lease = new Borrow(host, connection, holder, at)
  host.leases.add(lease)
  if (core.settings.leakStacks) lease.stack = new Error("acquired here").stack
  core.alarms.leakDetector.soonest(at + host.state.settings.leakThreshold)
  if (core.events.active) {
    const { address, reused } = lease
    core.events.emit(PoolEvent.Acquired({ at, host: host.label, connection: connection.id, address, reused, waited }))
  }
  return lease
}
