/** The settings of HTTP: one table, from which defaults, checks and variables of the environment are read. */
import { PoolConfig, type PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import { constVoid } from "effect/Function"
import * as EgressPolicy from "../EgressPolicy.ts"
import type { ClientOptions, HttpOptions, Options } from "../HttpAdapterConfig.ts"
import type { Origin } from "../Origin.ts"
import { compile, type Egress } from "./egressRules.ts"
import { leaving } from "./leftBehind.ts"
import type { ProxyImpl } from "./proxy.ts"
import { choiceOf, noProxies, ProxyChoice } from "./proxyChoice.ts"
import { TlsChoice, type TlsKeys } from "./tlsKeys.ts"
import { isRecord, refuse } from "./tlsPlain.ts"

/** What HTTP/2 can say, from what it begins with. */
const windowSize: Settings.Rule<number> = {
  allowed: "a whole number from 65535 to 2147483647",
  parse: (text) => Settings.finiteCount(0).parse(text),
  decode: (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= 65_535 && value < 2 ** 31 ? value : undefined
}

/** All that an environment can hold, by host. */
const hostFields = {
  responseTimeout: Settings.durationField(Infinity, Settings.positive, "how long the head of a response may take"),
  bodyTimeout: Settings.durationField(Infinity, Settings.positive, "how long a body may pause"),
  totalTimeout: Settings.durationField(Infinity, Settings.positive, "how long a request may take from first to last"),
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
  decompress: Settings.field(false, Settings.flag, "whether bodies are asked for compressed, and decompressed"),
  maxDecompressedSize: Settings.field(64 * 1024 * 1024, Settings.count(0), "bytes of a body when it is decompressed"),
  healthCheck: Settings.field("request", Settings.oneOf("request", "socketOnly"), "how an idle connection is checked"),
  healthCheckMethod: Settings.field("HEAD", Settings.oneOf("HEAD", "GET", "OPTIONS"), "how a check asks"),
  healthCheckPath: Settings.field("/", Settings.path, "what a check asks for"),
  keepAliveSkew: Settings.durationField("1 second", Settings.finite, "how much earlier than a server we close"),
  tcpKeepAlive: Settings.durationField("30 seconds", Settings.positive, "when TCP begins to ask for its peer"),
  http2: Settings.field("alpn", Settings.oneOf("alpn", "always", "never"), "where HTTP/2 is spoken"),
  maxStreams: Settings.field(100, Settings.finiteCount(1), "requests at once on one connection of HTTP/2"),
  streamWindow: Settings.field(512 * 1024, windowSize, "bytes of a body of HTTP/2 that may come before they are read"),
  sessionWindow: Settings.field(16 * 1024 * 1024, windowSize, "bytes on their way on one connection of HTTP/2"),
  pingInterval: Settings.durationField(
    "15 seconds",
    Settings.positive,
    "how long a peer of HTTP/2 may be silent while it owes an answer, before it is asked"
  ),
  pingTimeout: Settings.durationField(
    "5 seconds",
    Settings.finitePositive,
    "how long it may take to say that it is there"
  ),
  replay: Settings.field(true, Settings.flag, "whether a request that died with an old connection is sent again")
} as const

const readyPolicies = new Map([["all", EgressPolicy.all], ["publicOnly", EgressPolicy.publicOnly]])

const egressRule: Settings.Rule<EgressPolicy.EgressPolicy> = {
  allowed: "an EgressPolicy, or in the environment all or publicOnly",
  parse: (text) => readyPolicies.get(text.trim()),
  decode: (value) => EgressPolicy.isEgressPolicy(value) ? value : undefined
}

/** What holds for the client of all hosts. */
const clientFields = {
  egress: Settings.field(EgressPolicy.all, egressRule, "where requests may go"),
  unixUrls: Settings.field(false, Settings.flag, "whether http+unix: URLs are followed, wherever they come from")
} as const

export const environmentFields = { ...hostFields, ...clientFields }

/** Takes what was decoded before: these two may hold secrets, so the table, which shows wrong values, never sees them. */
const decoded = <A>(isOne: (value: unknown) => value is A): Settings.Rule<A> => ({
  allowed: "what was decoded",
  parse: () => undefined,
  decode: (value) => isOne(value) ? value : undefined
})

const secretFields = (tls: TlsChoice) => ({
  tls: Settings.field(tls, decoded((value) => value instanceof TlsChoice), "how TLS identifies the two ends"),
  proxy: Settings.field(noProxies, decoded((value) => value instanceof ProxyChoice), "what connections go through")
})

const fieldsWith = (tls: TlsChoice) => ({ ...hostFields, ...secretFields(tls) })

/** The settings of one host, checked, durations in milliseconds. */
export type HttpSettings = Settings.Decoded<ReturnType<typeof fieldsWith>>

/** The settings of the client, whatever the host. */
export type ClientSettings = Settings.Decoded<typeof clientFields>

export const defaultsOfHttp: HttpOptions & ClientOptions = {
  ...Settings.defaultsOf(hostFields),
  ...Settings.defaultsOf(clientFields),
  tls: {},
  proxy: "none",
  identities: {}
}

/** Settings of the pool that HTTP has other defaults for: whoever gives a request up wants none of its sockets. */
export const otherDefaults = { keepDials: false } as const

const clientPresets = Settings.presets(clientFields)
const names = [...Settings.namesOf(hostFields), "tls", "proxy"]
const otherNames = [...PoolConfig.names, ...names]

/** What is needed before there is a connection, whose settings are its own. */
export interface Early {
  readonly acquireTimeout: number
  readonly totalTimeout: number
  readonly decompress: boolean
}

const earlyOf = (
  { decompress, totalTimeout }: HttpSettings,
  { acquireTimeout }: Partial<PoolConfig.HostOptions>
): Early => ({
  // a wrong one is the pool's to refuse
  acquireTimeout: Settings.period.decode(acquireTimeout) ?? Infinity,
  totalTimeout,
  decompress
})

/** What was given, in parts: the pool's options, the settings of HTTP by host, and those of the client. */
export interface Split {
  readonly client: ClientSettings
  readonly egress: Egress
  readonly identities: ReadonlyMap<string, TlsChoice>
  readonly of: (origin: Origin) => HttpSettings
  /** asked for every request, so overrides are asked once for each origin */
  readonly early: (origin: Origin) => Early
  readonly pool: Partial<PoolConfig.Options<Origin>>
}

export const split = (options: Partial<Options>, keys: TlsKeys): Either.Either<Split, PoolError.ConfigInvalid> =>
  Either.gen(function*() {
    const base = yield* keys.choice({}, "tls")
    const fields = fieldsWith(base)
    const { identities: named, ...plain } = yield* withoutSecrets(options, keys)
    const [client, others] = yield* Settings.split(clientFields, plain, clientPresets, otherNames)
    const [settings, { overrides, ...given }] = yield* Settings.split(
      fields,
      others,
      Settings.presets(fields),
      PoolConfig.names
    )
    const identities = yield* identitiesOf(named, settings.tls, keys)
    const pool = { ...otherDefaults, ...given, overrides: leaving(undefined, () => settings, identities) }
    const egress = yield* compile(client.egress.rules, client.egress.otherwise)
    const usual = { acquireTimeout: pool.acquireTimeout ?? PoolConfig.defaults.acquireTimeout }
    if (overrides === undefined) {
      const early = earlyOf(settings, usual)
      return { client, egress, identities, of: () => settings, early: () => early, pool }
    }
    const hosts = Settings.splitOverrides<typeof fields, Origin, Partial<PoolConfig.HostOptions>>(
      fields,
      typeof overrides === "function"
        ? (origin) => Either.getOrThrowWith(withoutSecrets(overrides(origin), keys), (error) => error)
        : overrides,
      settings,
      PoolConfig.hostNames
    )
    const of = (origin: Origin): HttpSettings => Either.getOrThrowWith(hosts.own(origin), (error) => error)
    const { rest } = hosts
    const known = new WeakMap<Origin, Early>()
    return {
      client,
      egress,
      identities,
      of,
      early: (origin: Origin) => {
        const before = known.get(origin)
        if (before !== undefined) return before
        const early = earlyOf(of(origin), { ...usual, ...rest?.(origin) })
        known.set(origin, early)
        return early
      },
      // what is no function is the pool's to refuse
      pool: { ...pool, overrides: typeof rest === "function" ? leaving(rest, of, identities) : rest }
    }
  })

/** The same options with `tls` and `proxy` decoded. */
const withoutSecrets = <O extends object>(options: O, keys: TlsKeys): Either.Either<O, PoolError.ConfigInvalid> =>
  Either.gen(function*() {
    if (!isRecord(options)) return options
    const { proxy, tls } = options
    if (tls === undefined && proxy === undefined) return options
    const usable = (one: ProxyImpl) => Either.map(keys.ofProxy(one, "proxy.tls"), constVoid)
    return {
      ...options,
      ...(tls === undefined ? undefined : { tls: yield* keys.choice(tls, "tls") }),
      ...(proxy === undefined ? undefined : { proxy: yield* choiceOf(proxy, "proxy", usable) })
    }
  })

const identitiesOf = (
  given: unknown,
  base: TlsChoice,
  keys: TlsKeys
): Either.Either<ReadonlyMap<string, TlsChoice>, PoolError.ConfigInvalid> =>
  Either.gen(function*() {
    const all = new Map<string, TlsChoice>()
    if (given === undefined) return all
    if (!isRecord(given)) {
      return yield* refuse("identities", Settings.kindOf(given), "an object with options of TLS by name")
    }
    for (const [name, tls] of Object.entries(given)) {
      if (!/^[^\p{Cc}\s](?:[^\p{Cc}]*[^\p{Cc}\s])?$/u.test(name)) {
        yield* refuse("identities", name, "names that are not blank, without control characters")
      }
      const choice = yield* keys.choice(tls, `identities.${name}`)
      yield* keys.onTop(base, choice)
      all.set(name, choice)
    }
    return all
  })
