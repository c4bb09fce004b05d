/**
 * Every limit and period of an HTTP pool: the pool's own, and those of HTTP. Each has one default, one rule for what is
 * allowed and one variable in the environment.
 */
import { PoolConfig, Settings } from "@watertight/pool"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import type { EgressPolicy } from "./EgressPolicy.ts"
import { defaultsOfHttp, environmentFields, otherDefaults } from "./internal/settings.ts"
import type { Origin } from "./Origin.ts"

/** How TLS identifies the two ends. As in Node's `tls` module; what is not given has Node's default. */
export interface TlsOptions {
  /** authorities that are trusted instead of the system's */
  readonly ca?: string | Buffer | ReadonlyArray<string | Buffer> | undefined
  /** who we are, for a server that asks */
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  readonly passphrase?: string | undefined
  readonly pfx?: string | Buffer | undefined
  /** the name to ask for, and to find in the certificate, instead of the host's */
  readonly servername?: string | undefined
  /** `false` trusts anybody: for tests alone */
  readonly rejectUnauthorized?: boolean | undefined
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  readonly ciphers?: string | undefined
}

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
  /** whether a request that died with an old connection may be sent again on a new one, where that is safe */
  readonly replay: boolean
  readonly tls: TlsOptions
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
  Config.zipWith(
    // without `overrides`, which no variable can hold
    PoolConfig.configWithPrefix(prefix) as Config.Config<Partial<Omit<PoolConfig.Options, "overrides">>>,
    Settings.environment(environmentFields, prefix),
    (pool, http) => ({ ...pool, ...http })
  )

/**
 * Every setting besides `overrides` and `tls` from the environment: `WATERTIGHT_MAX_CONNECTIONS_PER_HOST=20`,
 * `WATERTIGHT_RESPONSE_TIMEOUT="30 seconds"`, `WATERTIGHT_HEALTH_CHECK=socketOnly`. What is not set is left out; a wrong value
 * fails with the variable's name and what it may be.
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
