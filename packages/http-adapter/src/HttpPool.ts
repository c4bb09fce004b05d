/** The pool of an application's HTTP connections: one per layer, ended with it. */
import type { PoolError } from "@watertight/pool"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { config, type Options } from "./HttpAdapterConfig.ts"
import { connectorOf } from "./internal/connector.ts"
import { make as makeService, type Service } from "./internal/httpPool.ts"
import { Resolver } from "./Resolver.ts"

export type {
  /** One connection. What can be done with it is the client's business. */
  HttpConnection,
  /** A pool of HTTP connections by origin, with all that a `ConnectionPool` offers. */
  Service
} from "./internal/httpPool.ts"

/**
 * The pool as a service: its `stats`, `events`, `metrics`, `reconfigure` and so on. Requests go through `PooledHttpClient`.
 *
 * @example
 * import { HttpPool } from "@watertight/http-adapter"
 * import { Effect } from "effect"
 *
 * export const open = HttpPool.HttpPool.pipe(
 *   Effect.flatMap((pool) => pool.stats),
 *   Effect.map(({ total, active, idle }) => ({ total, active, idle }))
 * )
 */
export class HttpPool extends Context.Tag("@watertight/http-adapter/HttpPool")<HttpPool, Service>() {}

/** Makes a pool that lives as long as the scope. */
export const make = (options: Partial<Options> = {}): Effect.Effect<Service, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.flatMap(
    Resolver,
    (resolver) => makeService(options, (around) => Effect.succeed(connectorOf(resolver, around)))
  )

/**
 * A pool as a layer, configured in code. One pool per layer built: consumers in one layer graph share it, while each separate
 * `Effect.provide(layer)` builds one of its own.
 *
 * @example
 * import { HttpPool, PooledHttpClient } from "@watertight/http-adapter"
 * import { Layer } from "effect"
 *
 * export const HttpLive = PooledHttpClient.layer.pipe(
 *   Layer.provide(HttpPool.layer({
 *     maxConnectionsPerHost: 50,
 *     responseTimeout: "30 seconds",
 *     overrides: (origin) => origin.host === "reports.test" ? { responseTimeout: "5 minutes" } : {}
 *   }))
 * )
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<HttpPool, PoolError.ConfigInvalid> =>
  Layer.scoped(HttpPool, make(options))

/**
 * A pool as a layer, configured from the environment; see `HttpAdapterConfig.config`.
 *
 * @example
 * import { PooledHttpClient, PoolLayer } from "@watertight/http-adapter"
 * import { Layer } from "effect"
 *
 * export const HttpLive = PooledHttpClient.layer.pipe(Layer.provide(PoolLayer))
 */
export const PoolLayer: Layer.Layer<HttpPool, ConfigError.ConfigError | PoolError.ConfigInvalid> = Layer.unwrapEffect(
  Effect.map(config, layer)
)
