/** The client on a pool of its own, for tests with real servers. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { assert } from "@effect/vitest"
import type { PoolError, PoolStats } from "@watertight/pool"
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
import { HttpError, HttpPool, Origin, PooledHttpClient } from "../../src/index.ts"
import type { Echo } from "../parts/nginx.ts"

export interface Rig {
  readonly client: HttpClient.HttpClient
  readonly pool: HttpPool.Service
}

/**
 * A client on a pool that checks its invariants after every step; both end with the scope. What the pool's own fibers log as an
 * error fails the test; lesser lines are collected.
 */
export const rig = (
  options: Partial<HttpAdapterConfig.Options> = {},
  resolver: Layer.Layer<never> = Layer.empty,
  warnings: Array<string> = []
): Effect.Effect<Rig, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const troubles: Array<string> = []
    const logger = Logger.make(({ cause, logLevel, message }) => {
      const text = [message, cause].map((part) => Inspectable.toStringUnknown(part, 0)).join(" ")
      if (LogLevel.lessThan(logLevel, LogLevel.Error)) warnings.push(text)
      else troubles.push(text)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(troubles, [])))
    const pool = Layer.provide(HttpPool.layer({ checkInvariants: true, unixUrls: true, ...options }), resolver)
    const context = yield* Layer.build(Layer.provideMerge(PooledHttpClient.layer, pool)).pipe(
      Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)),
      Effect.locally(FiberRef.unhandledErrorLogLevel, Option.some(LogLevel.Error))
    )
    return { client: Context.get(context, HttpClient.HttpClient), pool: Context.get(context, HttpPool.HttpPool) }
  })

/** The body of a GET whose answer must be 200. */
export const textOf = ({ client }: Rig, url: string): Effect.Effect<string, HttpClientError.HttpClientError> =>
  Effect.flatMap(client.get(url), (response) => {
    assert.strictEqual(response.status, 200)
    return response.text
  })

/** What nginx saw of a GET of its `/echo`. */
export const echoOf = (rigged: Rig, url: string): Effect.Effect<Echo, HttpClientError.HttpClientError> =>
  // written by nginx in the format of `Echo`
  Effect.map(textOf(rigged, url), (text) => JSON.parse(text) as Echo)

/** The stats of the host of a URL, which the pool must know. */
export const hostOf = ({ pool }: Rig, url: string, socketPath?: string): Effect.Effect<PoolStats.HostStats> =>
  Effect.suspend(() => {
    const origin = Origin.fromUrl(url, socketPath)
    assert(origin !== undefined, "not a URL of HTTP")
    return Effect.map(pool.hostStats(origin), Option.getOrThrow)
  })

/** How many connections the pool has, in whatever state. */
export const connectionsOf = ({ pool }: Rig): Effect.Effect<number> =>
  Effect.map(pool.stats, ({ closing, connecting, total }) => total + connecting + closing)

/** The cause of the error that a request must fail with, which must come from the pool or from a connection. */
export const causeOf = <A, R>(
  failing: Effect.Effect<A, HttpClientError.HttpClientError, R>
): Effect.Effect<HttpError.HttpError, A, R> =>
  Effect.map(Effect.flip(failing), (error) => {
    assert.strictEqual(error.reason, "Transport")
    return Option.getOrThrow(HttpError.causeOf(error))
  })
