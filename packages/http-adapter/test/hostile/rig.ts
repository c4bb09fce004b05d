/** A pool of one connection against one hostile peer: what comes of a request, and what is left of its connection. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { HttpError, HttpPool, PooledHttpClient } from "../../src/index.ts"
import * as Descriptors from "../parts/descriptors.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import type { Clients } from "./delivery.ts"
import { watchClients } from "./delivery.ts"

export interface Rig {
  readonly client: HttpClient.HttpClient
  readonly pool: HttpPool.Service
  readonly peer: Peer.Peer
  readonly clients: Clients
}

/** What a caller got: a response with its body, or an error by its names. */
export type Outcome =
  | { readonly status: number; readonly body: string }
  | Failure

export interface Failure {
  readonly failed: "RequestError" | "ResponseError"
  readonly reason: string
  /** the tag of the cause */
  readonly cause: string
}

/** Records what nobody handles while the scope is open. */
const unhandled: Effect.Effect<Array<unknown>, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const seen: Array<unknown> = []
      const record = (error: unknown): void => void seen.push(error)
      process.on("uncaughtException", record).on("unhandledRejection", record)
      return { seen, record }
    }),
    ({ record }) => Effect.sync(() => process.off("uncaughtException", record).off("unhandledRejection", record))
  ),
  ({ seen }) => seen
)

/** What the pool's own fibers have to complain about is a failure of the test. */
const logger = (troubles: Array<unknown>): Logger.Logger<unknown, void> =>
  Logger.make(({ cause, logLevel, message }) => {
    if (LogLevel.lessThan(logLevel, LogLevel.Error)) return
    troubles.push([message, cause].map((part) => Inspectable.toStringUnknown(part, 0)).join(" "))
  })

/** A turn of the loop, in which Node tells of rejections that nobody has handled. */
export const turn: Effect.Effect<void> = Effect.async((resume) => void setImmediate(() => resume(Effect.void)))

/**
 * Runs a test with a client whose pool has one connection, and a peer. Afterwards no socket may be left, and nothing may have
 * gone unhandled.
 */
export const trial = <A, E>(
  behaviour: Peer.Behaviour,
  options: Partial<HttpAdapterConfig.Options>,
  test: (rig: Rig) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<void, E> =>
  Effect.scoped(Effect.gen(function*() {
    const before = yield* Descriptors.sockets
    const troubles = yield* unhandled
    yield* Effect.scoped(Effect.gen(function*() {
      const peer = yield* Peer.start(behaviour)
      const clients = yield* watchClients
      const pool = HttpPool.layer({ checkInvariants: true, maxConnectionsPerHost: 1, ...options })
      const context = yield* Layer.build(Layer.provideMerge(PooledHttpClient.layer, pool)).pipe(
        Effect.locally(FiberRef.currentLoggers, HashSet.make(logger(troubles))),
        Effect.locally(FiberRef.unhandledErrorLogLevel, Option.some(LogLevel.Error)),
        Effect.orDie
      )
      const client = Context.get(context, HttpClient.HttpClient)
      yield* test({ client, clients, peer, pool: Context.get(context, HttpPool.HttpPool) })
    }))
    if (Descriptors.available) yield* Descriptors.awaitSockets(before)
    yield* turn
    assert.deepStrictEqual(troubles, [])
  }))

const failureOf = (error: HttpClientError.HttpClientError): Failure => {
  const cause = Option.getOrUndefined(HttpError.causeOf(error))
  // an error is clear when it says more than its name
  if (cause !== undefined) assert.isAbove(cause.message.length, 10)
  return { failed: error._tag, reason: error.reason, cause: cause?._tag ?? "none" }
}

/** Sends a request and reads the whole body. Every byte of a body becomes one character. */
export const outcomeOf = ({ client }: Rig, request: HttpClientRequest.HttpClientRequest): Effect.Effect<Outcome> =>
  client.execute(request).pipe(
    Effect.flatMap(({ arrayBuffer, status }) =>
      Effect.map(arrayBuffer, (body): Outcome => ({ status, body: Buffer.from(body).toString("latin1") }))
    ),
    Effect.catchAll((error) => Effect.succeed(failureOf(error)))
  )

/** A peer as it should be, which says what it was asked. */
export const healthy: Peer.Behaviour = Faults.answers(({ method, target }) => Faults.response(`${method} ${target}`))

/** All permits are accounted for, so many connections are open on both sides, and nobody is at work. */
export const settled = ({ peer, pool }: Rig, open: 0 | 1): Effect.Effect<void> =>
  Effect.gen(function*() {
    let last: unknown
    yield* until(
      `the pool rests with ${open} connections`,
      Effect.map(pool.stats, (stats) => {
        const { active, closing, connecting, total, waiting } = stats
        last = { active, closing, connecting, total, waiting, peer: peer.open() }
        return active + closing + connecting + waiting === 0 && total === open && peer.open() === open
      }),
      15_000
    ).pipe(Effect.catchAllDefect((defect) => Effect.dieMessage(`${String(defect)}, but ${JSON.stringify(last)}`)))
  })

/** The peer recovers: the one permit there is serves the next request, over the connection that was kept, or over a new one. */
export const recovered = (rig: Rig, open: 0 | 1): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { client, peer } = rig
    yield* settled(rig, open)
    peer.become(healthy)
    const accepted = peer.accepted()
    const text = yield* Effect.orDie(Effect.flatMap(client.get(`${peer.origin}/next`), (response) => response.text))
    assert.strictEqual(text, "GET /next")
    assert.strictEqual(peer.accepted(), accepted + 1 - open)
    yield* settled(rig, 1)
  })
