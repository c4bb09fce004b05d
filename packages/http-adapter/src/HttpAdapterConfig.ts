/**
 * Every limit and period of an HTTP pool: the pool's own, and those of HTTP. Each has one default, one rule for what is
 * allowed and one variable in the environment.
 */
import { PoolConfig, Settings } from "@watertight/pool"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import type { EgressPolicy } from "./EgressPolicy.ts"
import type { Proxy } from "./HttpProxy.ts"
import type { Tls } from "./HttpTls.ts"
import { proxySetting } from "./internal/proxyEnvironment.ts"
import { defaultsOfHttp, environmentFields, otherDefaults } from "./internal/settings.ts"
import { tlsSetting } from "./internal/tlsEnvironment.ts"
import type { Origin } from "./Origin.ts"

export type {
  /** How TLS identifies the two ends. */
  TlsOptions
} from "./HttpTls.ts"

/** The settings of HTTP. All of them may differ from host to host. */
export interface HttpOptions {
  /** until the head of the response is there; by default without end, since logs and events may be silent for long */
  readonly responseTimeout: Duration.DurationInput
  /** between two pieces of the body; by default without end */
  readonly bodyTimeout: Duration.DurationInput
  /** from the beginning of a request, waiting in line included, to the end of the body; by default without end */
  readonly totalTimeout: Duration.DurationInput
  /** bytes of a body that are read before somebody asks for them */
  readonly readAhead: number
  /** a longer body that nobody begins to read is closed after this */
  readonly unreadTimeout: Duration.DurationInput
  /** bytes that are read to spare a connection whose body was left half-way */
  readonly drainLimit: number
  /** and how long that may take */
  readonly drainTimeout: Duration.DurationInput
  /** bytes of the head of a response */
  readonly maxHeaderSize: number
  /** bytes of the body of a response */
  readonly maxResponseSize: number
  /**
   * whether servers are asked for compressed bodies, and these are decompressed as they are read: gzip, deflate, br, and zstd where
   * Node has it. By default not, as with the client that this one stands in for
   */
  readonly decompress: boolean
  /** bytes of a body when it is decompressed */
  readonly maxDecompressedSize: number
  /** `request` asks for `healthCheckPath`, `socketOnly` believes the socket */
  readonly healthCheck: "request" | "socketOnly"
  /** how a check asks; some servers end their connection with every answer to a HEAD */
  readonly healthCheckMethod: "HEAD" | "GET" | "OPTIONS"
  /** what a check asks for; any well-formed answer will do */
  readonly healthCheckPath: string
  /** taken off the time for which a server says that it keeps idle connections */
  readonly keepAliveSkew: Duration.DurationInput
  /** when TCP begins to ask whether the peer is there */
  readonly tcpKeepAlive: Duration.DurationInput
  /**
   * `alpn` speaks HTTP/2 over TLS where the server does; `always` takes for granted that it does, without TLS as well; `never`
   * speaks HTTP/1.1
   */
  readonly http2: "alpn" | "always" | "never"
  /** requests at once on one connection of HTTP/2, if the server allows as many */
  readonly maxStreams: number
  /** bytes of one body of HTTP/2 that may arrive before somebody reads them */
  readonly streamWindow: number
  /** bytes of all bodies that may be on their way on one connection of HTTP/2 */
  readonly sessionWindow: number
  /** a server of HTTP/2 that owes an answer and is silent for so long is asked whether it is there */
  readonly pingInterval: Duration.DurationInput
  /** and if it does not say so in this time, the connection is given up */
  readonly pingTimeout: Duration.DurationInput
  /** whether a request that died with an old connection may be sent again on a new one, where that is safe */
  readonly replay: boolean
  /** how TLS identifies the two ends */
  readonly tls: Tls
  /** what connections go through */
  readonly proxy: Proxy
}

/** The settings of the client. They are the same for all hosts. */
export interface ClientOptions {
  /**
   * whether `http+unix:` URLs are followed. Any redirect may name one, so they reach the sockets of this machine from outside;
   * `PooledHttpClient.withOptions({ socketPath })` needs no such trust.
   */
  readonly unixUrls: boolean
  /** where requests may go; by default anywhere. One policy holds for all hosts, since its rules name hosts */
  readonly egress: EgressPolicy
  /**
   * other identities for TLS by their names, for `PooledHttpClient.withOptions({ identity })`. What one does not say, the host's `tls` says; but who
   * we are (`cert`, `key`, `pfx`, `passphrase`), it says alone.
   */
  readonly identities: Readonly<Record<string, Tls>>
}

/** What may differ from host to host. */
export interface HostOptions extends PoolConfig.HostOptions, HttpOptions {}

/** Every setting of an HTTP pool. */
export interface Options extends Omit<PoolConfig.Options<Origin>, "overrides">, HttpOptions, ClientOptions {
  /** other settings for some hosts */
  readonly overrides?: ((origin: Origin) => Partial<HostOptions>) | undefined
}

/**
 * The defaults.
 *
 * @example
 * import { HttpAdapterConfig } from "@watertight/http-adapter"
 *
 * export const options: Partial<HttpAdapterConfig.Options> = {
 *   readAhead: HttpAdapterConfig.defaults.readAhead * 2
 * }
 */
export const defaults: Omit<Options, "overrides"> = { ...PoolConfig.defaults, ...otherDefaults, ...defaultsOfHttp }

/**
 * The same as `config` with a prefix of your own, for programs with more than one pool.
 *
 * @example
 * import { HttpAdapterConfig } from "@watertight/http-adapter"
 *
 * // BILLING_RESPONSE_TIMEOUT, BILLING_MAX_CONNECTIONS_PER_HOST and so on
 * export const billing = HttpAdapterConfig.configWithPrefix("BILLING")
 */
export const configWithPrefix = (prefix: string): Config.Config<Partial<Options>> =>
  Config.map(
    Config.all([
      // without `overrides`, which no variable can hold
      PoolConfig.configWithPrefix(prefix) as Config.Config<Partial<Omit<PoolConfig.Options, "overrides">>>,
      Settings.environment(environmentFields, prefix),
      proxySetting(prefix),
      tlsSetting(prefix)
    ]),
    ([pool, http, proxy, tls]) => ({ ...pool, ...http, ...proxy, ...tls })
  )

/**
 * Every setting besides `overrides` and `identities` from the environment: `WATERTIGHT_MAX_CONNECTIONS_PER_HOST=20`,
 * `WATERTIGHT_RESPONSE_TIMEOUT="30 seconds"`, `WATERTIGHT_HEALTH_CHECK=socketOnly`, `WATERTIGHT_TLS_CA_FILE=/etc/tls/ca.pem`. What is not set is left
 * out; a wrong value fails with the variable's name and what it may be. Without WATERTIGHT_PROXY, the variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY
 * and NO_PROXY say which proxies there are.
 *
 * @example
 * import { HttpAdapterConfig, HttpPool } from "@watertight/http-adapter"
 * import { Effect, Layer } from "effect"
 *
 * export const live = Layer.unwrapEffect(
 *   Effect.map(HttpAdapterConfig.config, (environment) => HttpPool.layer({ maxConnectionsPerHost: 20, ...environment }))
 * )
 */
export const config: Config.Config<Partial<Options>> = configWithPrefix("WATERTIGHT")
