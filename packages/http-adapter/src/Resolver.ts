/** How the names of hosts become addresses. */
import type { Connector } from "@watertight/pool"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ResolveFailed } from "./HttpError.ts"
import { byDns, bySystem } from "./internal/resolve.ts"

/** Finds the addresses of a name, best first. The pool coalesces, bounds and repeats the calls. */
export interface ResolverService {
  resolve(hostname: string): Effect.Effect<Connector.Resolution, ResolveFailed>
}

/**
 * The resolver of a pool is the one that is there when its layer is built; by default the system's, which honours `/etc/hosts`.
 *
 * @example
 * import { HttpPool, Resolver } from "@watertight/http-adapter"
 * import { Layer } from "effect"
 *
 * export const pinned = HttpPool.layer().pipe(
 *   Layer.provide(Resolver.layerStatic({ "users.test": ["127.0.0.1", "::1"] }))
 * )
 */
export class Resolver extends Context.Reference<Resolver>()("@watertight/http-adapter/Resolver", {
  defaultValue: (): ResolverService => ({ resolve: bySystem })
}) {}

/** A resolver of your own. */
export const layer = (resolver: ResolverService): Layer.Layer<never> => Layer.succeed(Resolver, resolver)

/**
 * Asks name servers directly and knows the time to live of their answers, which the system's resolver does not tell. It does
 * not read `/etc/hosts`.
 *
 * @example
 * import { Resolver } from "@watertight/http-adapter"
 *
 * export const local = Resolver.layerDns({ servers: ["127.0.0.1:5353"], timeout: "1 second" })
 */
export const layerDns = (options: {
  /** addresses with or without a port; the system's, if none are given */
  readonly servers?: ReadonlyArray<string> | undefined
  /** of one try; by default 1 second */
  readonly timeout?: Duration.DurationInput | undefined
  /** how often each server is asked; by default 2 */
  readonly tries?: number | undefined
} = {}): Layer.Layer<never> =>
  Layer.effect(Resolver, Effect.map(Effect.sync(() => byDns(options)), (resolve): ResolverService => ({ resolve })))

/** Knows these names and no others. For tests. */
export const layerStatic = (addresses: Readonly<Record<string, ReadonlyArray<string>>>): Layer.Layer<never> =>
  layer({
    resolve: (hostname) => {
      const known = Object.hasOwn(addresses, hostname) ? addresses[hostname] : undefined
      return known === undefined
        ? Effect.fail(new ResolveFailed({ hostname, cause: new Error("not in the list") }))
        : Effect.succeed({ addresses: known })
    }
  })
