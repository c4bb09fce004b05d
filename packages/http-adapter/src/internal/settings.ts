/** The settings of HTTP: one table, from which defaults, checks and variables of the environment are read. */
import { PoolConfig, type PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import type { HostOptions, HttpOptions, Options, TlsOptions } from "../HttpAdapterConfig.ts"
import type { Origin } from "../Origin.ts"

/** All that an environment can hold. */
export const environmentFields = {
  responseTimeout: Settings.durationField(Infinity, Settings.positive, "how long the head of a response may take"),
  bodyTimeout: Settings.durationField(Infinity, Settings.positive, "how long a body may pause"),
  readAhead: Settings.field(64 * 1024, Settings.finiteCount(1), "bytes of a body that are read before it is asked for"),
  unreadTimeout: Settings.durationField(
    "5 seconds",
    Settings.finitePositive,
    "how long a long body waits for a reader"
  ),
  drainLimit: Settings.field(64 * 1024, Settings.finiteCount(0), "bytes read to spare a connection of a body left"),
  drainTimeout: Settings.durationField("1 second", Settings.finitePositive, "how long that may take"),
  maxHeaderSize: Settings.field(16 * 1024, Settings.finiteCount(1), "bytes of the head of a response"),
  maxResponseSize: Settings.field(Infinity, Settings.count(0), "bytes of the body of a response"),
  healthCheck: Settings.field("request", Settings.oneOf("request", "socketOnly"), "how an idle connection is checked"),
  healthCheckPath: Settings.field("/", Settings.path, "what a check asks for"),
  keepAliveSkew: Settings.durationField("1 second", Settings.finite, "how much earlier than a server we close"),
  tcpKeepAlive: Settings.durationField("30 seconds", Settings.positive, "when TCP begins to ask for its peer"),
  replay: Settings.field(true, Settings.flag, "whether a request that died with an old connection is sent again")
} as const

const tlsNames: ReadonlyArray<string> = [
  "ca",
  "cert",
  "key",
  "passphrase",
  "pfx",
  "servername",
  "rejectUnauthorized",
  "minVersion",
  "maxVersion",
  "ciphers"
] satisfies ReadonlyArray<keyof TlsOptions>

const tlsRule: Settings.Rule<TlsOptions> = {
  allowed: `an object with ${tlsNames.join(", ")}`,
  parse: () => undefined,
  // What Node thinks of the values it says itself, when the first connection is opened.
  decode: (value) =>
    typeof value === "object" && value !== null && Object.keys(value).every((name) => tlsNames.includes(name))
      ? value
      : undefined
}

const noTls: TlsOptions = {}
const fields = { ...environmentFields, tls: Settings.field(noTls, tlsRule, "how TLS identifies the two ends") }

/** The settings of one host, checked, durations in milliseconds. */
export type HttpSettings = Settings.Decoded<typeof fields>

export const defaultsOfHttp: HttpOptions = Settings.defaultsOf(fields)

/** Settings of the pool that HTTP has other defaults for: whoever gives a request up wants none of its sockets. */
export const otherDefaults = { keepDials: false } as const

const presets = Settings.presets(fields)

/** What was given, in two: the pool's options, and the settings of HTTP by host. */
export interface Split {
  readonly settings: HttpSettings
  readonly of: (origin: Origin) => HttpSettings
  readonly pool: Partial<PoolConfig.Options<Origin>>
}

export const split = (
  options: Partial<Options>,
  base: HttpSettings = presets
): Either.Either<Split, PoolError.ConfigInvalid> =>
  Either.map(
    Settings.split(fields, options, base, PoolConfig.names),
    ([settings, rest]): Split => {
      const { overrides, ...given } = rest
      const pool = { ...otherDefaults, ...given }
      if (overrides === undefined) return { settings, of: () => settings, pool }
      const hosts = Settings.splitOverrides<typeof fields, Origin, Partial<HostOptions>>(
        fields,
        overrides,
        settings,
        PoolConfig.hostNames
      )
      return {
        settings,
        of: (origin) => Either.getOrThrowWith(hosts.own(origin), (error) => error),
        pool: { ...pool, overrides: hosts.rest }
      }
    }
  )
