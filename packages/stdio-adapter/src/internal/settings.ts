/** The settings of stdio: one table, from which defaults, checks and variables of the environment are read. */
import { PoolConfig, PoolError, Settings } from "@watertight/pool"
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type { HostOptions, NotificationOptions, Options, StdioOptions } from "../StdioConfig.ts"
import type { StdioServer } from "../StdioServer.ts"

const mebibyte = 1024 * 1024

const hostFields = {
  capacity: Settings.field(64, Settings.finiteCount(1), "leases that one process carries at once"),
  requestTimeout: Settings.durationField("60 seconds", Settings.positive, "how long an answer may take"),
  maxLineSize: Settings.field(16 * mebibyte, Settings.finiteCount(1), "bytes of one line from a process"),
  maxNoise: Settings.field(256, Settings.count(0), "lines in a row that are no messages"),
  stderrTail: Settings.field(16 * 1024, Settings.finiteCount(0), "bytes of stderr that are kept"),
  maxServerRequests: Settings.field(64, Settings.finiteCount(0), "requests of a process that are answered at once"),
  endGrace: Settings.durationField(
    "2 seconds",
    Settings.finite,
    "how long a process may live on when its stdin has ended"
  ),
  termGrace: Settings.durationField("2 seconds", Settings.finite, "how long it may live on after SIGTERM"),
  killGrace: Settings.durationField(
    "1 second",
    Settings.finitePositive,
    "how long it may take to be gone after SIGKILL"
  )
} as const

const poolFields = {
  notificationBuffer: Settings.field(1024, Settings.finiteCount(1), "notifications that a reader may be behind"),
  notificationBytes: Settings.field(16 * mebibyte, Settings.finiteCount(1), "and their bytes")
} as const

export const environmentFields = { ...hostFields, ...poolFields }

/** The settings of one server, checked, durations in milliseconds. */
export type StdioSettings = Settings.Decoded<typeof hostFields>

export type NotificationSettings = Settings.Decoded<typeof poolFields>

export const defaultsOfStdio: StdioOptions & NotificationOptions = {
  ...Settings.defaultsOf(hostFields),
  ...Settings.defaultsOf(poolFields)
}

const presets = Settings.presets(hostFields)
const poolPresets = Settings.presets(poolFields)
const otherNames = [...PoolConfig.names, ...Settings.namesOf(hostFields)]

const graces = ({ endGrace, killGrace, termGrace }: StdioSettings): number => endGrace + termGrace + killGrace

/** A close takes no longer than its graces; the second is for whatever else a busy machine does meanwhile. */
const closeTimeoutFor = (settings: StdioSettings): number => graces(settings) + 1_000

/**
 * Settings of the pool that processes have other defaults for: they cost more than sockets, start more slowly, hold state, and have
 * neither addresses nor a reason to be replaced for their age.
 */
export const otherDefaults = {
  maxConnectionsPerHost: 4,
  maxConnections: 64,
  acquireTimeout: "60 seconds",
  connectTimeout: "30 seconds",
  closeTimeout: closeTimeoutFor(presets),
  idleTimeout: "5 minutes",
  maxLifetime: Infinity,
  healthCheckInterval: "30 seconds",
  dnsRefreshInterval: Infinity,
  leakThreshold: "1 hour",
  name: "stdio",
  metricsPrefix: "stdio.client"
} as const

/** What was given, in three: the pool's options, the settings of stdio by server, and those of notifications. */
export interface Split {
  readonly notifications: NotificationSettings
  readonly of: (server: StdioServer) => StdioSettings
  readonly checkTimeoutOf: (server: StdioServer) => Duration.DurationInput
  readonly pool: Partial<PoolConfig.Options<StdioServer>>
}

export const split = (options: Partial<Options>): Either.Either<Split, PoolError.ConfigInvalid> =>
  Either.gen(function*() {
    const [notifications, others] = yield* Settings.split(poolFields, options, poolPresets, otherNames)
    const [settings, { overrides, ...given }] = yield* Settings.split(hostFields, others, presets, PoolConfig.names)
    const closeTimeout = yield* closeTimeoutOf(given.closeTimeout, settings)
    const pool = { ...otherDefaults, ...without(given), closeTimeout }
    const checkTimeout = pool.healthCheckTimeout ?? PoolConfig.defaults.healthCheckTimeout
    const checkTimeoutOf = (server: StdioServer) => overrides?.(server).healthCheckTimeout ?? checkTimeout
    if (overrides === undefined) return { notifications, of: () => settings, checkTimeoutOf, pool }
    const hosts = Settings.splitOverrides<typeof hostFields, StdioServer, Partial<HostOptions>>(
      hostFields,
      overrides,
      settings,
      PoolConfig.hostNames
    )
    const of = (server: StdioServer): StdioSettings => Either.getOrThrowWith(hosts.own(server), (error) => error)
    const { rest } = hosts
    if (typeof rest !== "function") return { notifications, of, checkTimeoutOf, pool: { ...pool, overrides: rest } }
    return {
      notifications,
      of,
      checkTimeoutOf,
      pool: {
        ...pool,
        overrides: (server) => {
          const host = rest(server)
          const wanted = host.closeTimeout ?? given.closeTimeout
          return { ...host, closeTimeout: Either.getOrThrowWith(closeTimeoutOf(wanted, of(server)), (error) => error) }
        }
      }
    }
  })

/** An explicit `undefined` means "as before", also to a default of ours. */
const without = <O extends object>(options: O): O =>
  // the same object, without what counts as not given
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as O

/** A close that is given up before it has come to SIGKILL would leave a process behind. */
const closeTimeoutOf = (
  given: unknown,
  settings: StdioSettings
): Either.Either<number, PoolError.ConfigInvalid> => {
  if (given === undefined) return Either.right(closeTimeoutFor(settings))
  const decoded = Settings.finitePositive.decode(given)
  const allowed = decoded === undefined
    ? Settings.finitePositive.allowed
    : `at least ${graces(settings)} ms, which are endGrace, termGrace and killGrace`
  return decoded === undefined || decoded < graces(settings)
    ? Either.left(new PoolError.ConfigInvalid({ field: "closeTimeout", value: given, allowed }))
    : Either.right(decoded)
}
