/** A dial's attempts: each one a fiber of the pool's own, with a permit, a scope and a time limit. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { Signal } from "../Connector.ts"
import * as PoolError from "../PoolError.ts"
import { PoolEvent } from "../PoolEvent.ts"
import { Caller } from "./caller.ts"
import type { Connection } from "./connection.ts"
import { type Host, now } from "./core.ts"
import { interrupt } from "./fibers.ts"
import * as Permits from "./permits.ts"
import { situation } from "./situation.ts"
import type { Dial, Failure } from "./state/dial.ts"
import * as Transitions from "./state/transitions.ts"
import { expiry, nextExpiry } from "./state/upkeep.ts"
import { step } from "./step.ts"
import { mark } from "./tracing.ts"

export const startAttempt = <K, Conn, E>(host: Host<K, Conn, E>, connection: Connection<K, Conn, E>): void => {
  const { core, state } = host
  const caller = connection.dial?.owner
  const asker = caller instanceof Caller ? caller : undefined
  if (asker !== undefined) mark(asker, "watertight.dialing", connection.startedAt)
  Permits.take(host.permits)
  connection.deadline = core.timekeeper.at(connection.startedAt + state.settings.connectTimeout, () => late(connection))
  connection.fiber = core.fibers.run(attempt(connection, asker?.span))
}

/** Runs uninterruptibly, but for the connector's own part: whatever happens, the socket's fate becomes known to the state. */
const attempt = <K, Conn, E>(
  connection: Connection<K, Conn, E>,
  askedBy: Tracer.AnySpan | undefined
): Effect.Effect<void> =>
  Effect.flatMap(Scope.make(), (scope) => {
    const { host } = connection
    const { connector } = host.core
    connection.scope = scope
    const open = Effect.suspend(() =>
      connector.open(host.key, connection.endpoint.address, (signal) => hear(connection, signal))
    )
    return Effect.exit(Effect.interruptible(traced(Scope.extend(open, scope), connection, askedBy))).pipe(
      Effect.zip(Random.next),
      Effect.flatMap(([exit, chance]) =>
        Exit.isSuccess(exit) && connection.list === host.state.connecting
          ? Effect.sync(() => opened(connection, exit.value, chance))
          : Effect.suspend(() => {
            if (connection.dial !== undefined) endSoon(connection, exit)
            return Effect.map(Effect.exit(Scope.close(scope, exit)), () => ended(connection, exit))
          })
      )
    )
  })

/** Several callers may profit from one dial, so it runs in no caller's span, but is linked to the one that asked for it. */
const traced = <A, E, R>(
  open: Effect.Effect<A, E, R>,
  connection: { readonly host: { readonly label: string }; readonly endpoint: { readonly address: string } },
  askedBy: Tracer.AnySpan | undefined
): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> | Effect.Effect<A, E, R> =>
  askedBy === undefined
    ? open
    : Effect.withSpan(open, "watertight.dial", {
      root: true,
      kind: "client",
      links: [{ _tag: "SpanLink", span: askedBy, attributes: {} }],
      attributes: { "server.address": connection.host.label, "network.peer.address": connection.endpoint.address }
    })

const opened = <K, Conn, E>(connection: Connection<K, Conn, E>, value: Conn, chance: number): void => {
  const { host } = connection
  const { core, state } = host
  const at = now(core)
  core.timekeeper.cancel(connection.deadline)
  connection.deadline = undefined
  connection.fiber = undefined
  connection.describe = undefined
  connection.value = value
  const elapsed = at - connection.startedAt
  host.metrics.opened(elapsed)
  if (core.events.active) core.events.emit(PoolEvent.Opened({ ...about(connection), at, elapsed }))
  const jitter = core.settings.lifetimeJitter * (2 * chance - 1)
  const expiresAt = at + state.settings.maxLifetime * (1 + jitter)
  step(host, (_, time, out) => Transitions.opened(state, connection, expiresAt, time, out))
  if (connection.probe) {
    const { openFor } = state.settings.breaker
    core.timekeeper.at(at + openFor, () => {
      step(host, (_, time, out) => Transitions.trusted(state, connection, time, out))
    })
  }
  if (connection.list === state.idle) core.alarms.evictor.soonest(nextExpiry(state, connection))
}

/** The attempt has failed. Its scope may take a moment to close, but it does not keep the failure from the caller for ever. */
const endSoon = <K, Conn, E>(connection: Connection<K, Conn, E>, exit: Exit.Exit<Conn, E>): void => {
  const { host } = connection
  const { core, state } = host
  core.timekeeper.cancel(connection.deadline)
  connection.deadline = core.timekeeper.at(now(core) + state.settings.closeTimeout, () => {
    host.metrics.abandoned()
    ended(connection, exit)
  })
}

/** The attempt has led to nothing, and its scope is closed or was given up. */
const ended = <K, Conn, E>(connection: Connection<K, Conn, E>, exit: Exit.Exit<Conn, E>): void => {
  const { host } = connection
  const { core, state } = host
  core.timekeeper.cancel(connection.deadline)
  // Given up before: its permit is somebody else's already.
  if (connection.list !== state.connecting) return
  Permits.release(host.permits)
  const failure = failureOf(
    host,
    Exit.isSuccess(exit) ? Cause.die(new Error("opened, but closed at once")) : exit.cause
  )
  if (connection.dial !== undefined) note(connection, failure)
  step(host, (_, at, out) => Transitions.failed(state, connection, failure, at, out))
}

/** No answer in time: its dial goes on without it. */
const late = <K, Conn, E>(connection: Connection<K, Conn, E>): void => {
  if (connection.dial === undefined) return
  const { host } = connection
  const { connectTimeout } = host.state.settings
  const error = new PoolError.ConnectTimeout({
    ...situation(host, connection.startedAt),
    timeout: connectTimeout,
    address: connection.endpoint.address,
    detail: describe(connection)
  })
  const failure: Failure = { error: Cause.fail(error), fault: "peer" }
  note(connection, failure)
  step(host, (state, at, out) => Transitions.late(state, connection, failure, at, out))
}

const describe = <K, Conn, E>(connection: Connection<K, Conn, E>): string | undefined => {
  try {
    return connection.describe?.()
  } catch {
    return undefined // a connector may throw wherever it is asked
  }
}

/** Ends an attempt that nobody wants any more. Its socket may take a moment to go, but not for ever. */
export const cancelAttempt = <K, Conn, E>(host: Host<K, Conn, E>, connection: Connection<K, Conn, E>): void => {
  const { core, state } = host
  core.timekeeper.cancel(connection.deadline)
  connection.deadline = core.timekeeper.at(now(core) + state.settings.closeTimeout, () => {
    if (connection.list !== state.connecting) return
    Permits.release(host.permits)
    host.metrics.abandoned()
    step(host, (_, at, out) => Transitions.givenUp(state, connection, at, out))
  })
  interrupt(connection.fiber)
}

export const raceLater = <K, Conn, E>(host: Host<K, Conn, E>, dial: Dial): void => {
  const { core, state } = host
  core.timekeeper.at(now(core) + state.settings.raceDelay, () => {
    step(host, (_, at, out) => Transitions.race(state, dial, at, out))
  })
}

/** What a connection says about itself, at whatever time. */
const hear = <K, Conn, E>(connection: Connection<K, Conn, E>, signal: Signal): void => {
  const { host } = connection
  const { state } = host
  if (connection.list === undefined) return
  if (signal._tag === "Connecting") {
    connection.describe = signal.describe
    return
  }
  step(host, (_, at, out) => Transitions.signal(state, connection, signal, at, out))
  if (connection.list === state.idle) host.core.alarms.evictor.soonest(expiry(state, connection))
}

const note = <K, Conn, E>(connection: Connection<K, Conn, E>, failure: Failure): void => {
  const { host } = connection
  const { events } = host.core
  const at = now(host.core)
  const elapsed = at - connection.startedAt
  // `Failure.error` is opaque to the state; it is a Cause whenever it comes from a dial or a resolution
  const text = Cause.pretty(failure.error as Cause.Cause<unknown>).split("\n", 1)[0] ?? ""
  host.lastFailure = { at, text }
  host.metrics.failed(elapsed)
  if (events.active) events.emit(PoolEvent.OpenFailed({ ...about(connection), at, elapsed, failure: text }))
}

/** A failure for whoever asked; a connector that interrupts itself must not make its callers look interrupted. */
export const failureOf = <K, Conn, E>(host: Host<K, Conn, E>, cause: Cause.Cause<E>): Failure => {
  if (Cause.isInterruptedOnly(cause)) {
    return { error: Cause.die(new Error(`${host.label}: the connector interrupted itself`)), fault: "local" }
  }
  const failure = Cause.failureOption(cause)
  return { error: cause, fault: failure._tag === "Some" ? faultOf(host, failure.value) : "local" }
}

const faultOf = <K, Conn, E>(host: Host<K, Conn, E>, error: E): Failure["fault"] => {
  try {
    return host.core.connector.fault?.(error) ?? "peer"
  } catch {
    return "local"
  }
}

export const about = <K, Conn, E>(connection: Connection<K, Conn, E>) => ({
  host: connection.host.label,
  connection: connection.id,
  address: connection.endpoint.address
})
