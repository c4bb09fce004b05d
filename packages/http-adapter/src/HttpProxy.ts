/** Proxies: every connection through one is a tunnel, opened by CONNECT, to one host. */
import type * as Config from "effect/Config"
import type * as Equal from "effect/Equal"
import type * as Redacted from "effect/Redacted"
import type { Tls } from "./HttpTls.ts"
import { environmentOf } from "./internal/proxyEnvironment.ts"

/** A proxy, as it is seen in an origin. Its credentials are nowhere to be seen, but count for equality. */
export interface HttpProxy extends Equal.Equal {
  readonly scheme: "http" | "https"
  /** a name or an address, without brackets */
  readonly host: string
  readonly port: number
  /** scheme, host and port */
  readonly label: string
}

/** How a proxy is reached. */
export interface ProxyOptions {
  /** `http://proxy.test:3128`; with `https:`, TLS is spoken to the proxy itself. It may hold a user and a password. */
  readonly url: string | Redacted.Redacted
  /** instead of those of the URL */
  readonly credentials?:
    | { readonly username: string; readonly password: string | Redacted.Redacted }
    | undefined
  /** sent with CONNECT, and seen by the proxy alone */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** for an `https:` proxy */
  readonly tls?: Tls | undefined
  /** hosts that are reached directly, as in the variable NO_PROXY */
  readonly noProxy?: string | ReadonlyArray<string> | undefined
}

/** One proxy for `http:` and another one, or none, for `https:`. */
export interface ProxiesByScheme {
  readonly http?: string | Redacted.Redacted | ProxyOptions | undefined
  readonly https?: string | Redacted.Redacted | ProxyOptions | undefined
  readonly noProxy?: string | ReadonlyArray<string> | undefined
}

/** What the setting `proxy` may be. */
export type Proxy = "none" | (string & {}) | Redacted.Redacted | ProxyOptions | ProxiesByScheme

/**
 * The proxies of the usual variables: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, of which the lower-case forms win. HTTP_PROXY in upper case is
 * left alone where REQUEST_METHOD is set, since a CGI server fills it from a header of the request. `PoolLayer` reads them by itself.
 *
 * @example
 * import { HttpPool, HttpProxy } from "@watertight/http-adapter"
 * import { Effect, Layer } from "effect"
 *
 * export const PoolLive = Layer.unwrapEffect(Effect.map(HttpProxy.environment, (proxy) => HttpPool.layer({ proxy })))
 */
export const environment: Config.Config<"none" | ProxiesByScheme> = environmentOf
