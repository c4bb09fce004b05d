/** The platform's `HttpClient` on the pool: a drop-in for `NodeHttpClient.layerUndici`. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import { HttpPool } from "./HttpPool.ts"
import { clientOf } from "./internal/client.ts"
import { current, type Given } from "./internal/requestOptions.ts"

/** What a request, or a region of a program, may want differently from the pool's settings. */
export type Options = Given

/** A client on the pool of the context. */
export const make: Effect.Effect<HttpClient.HttpClient, never, HttpPool> = Effect.map(
  Effect.context<HttpPool>(),
  (context) => clientOf(Context.get(context, HttpPool), context)
)

/**
 * The client as a layer. Everything that takes an `HttpClient` works on it, and swapping it for another one changes no other line.
 *
 * @example
 * import { PooledHttpClient, PoolLayer } from "@watertight/http-adapter"
 * import { HttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * const HttpLive = PooledHttpClient.layer.pipe(Layer.provide(PoolLayer))
 *
 * export const program = HttpClient.get("http://users.test/1").pipe(
 *   Effect.flatMap((response) => response.json),
 *   Effect.provide(HttpLive)
 * )
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, HttpPool> = Layer.effect(HttpClient.HttpClient, make)

/**
 * Options for all requests inside of an effect: one request, or a whole region. Inner ones win. A wrong value is a mistake in the
 * program, so it is a defect that carries the pool's `ConfigInvalid`.
 *
 * @example
 * import { PooledHttpClient } from "@watertight/http-adapter"
 * import { HttpClient } from "@effect/platform"
 *
 * export const containers = HttpClient.get("http://docker/v1.41/containers/json").pipe(
 *   PooledHttpClient.withOptions({ socketPath: "/var/run/docker.sock", responseTimeout: "2 seconds" })
 * )
 */
export const withOptions: {
  (options: Options): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, options: Options): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, options: Options): Effect.Effect<A, E, R> =>
    Effect.locallyWith(self, current, (outer) => outer.with(options))
)
