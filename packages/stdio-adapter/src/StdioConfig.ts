/**
 * Every limit and period of a pool of processes: the pool's own, and those of stdio. Each has one default, one rule for what is
 * allowed and one variable in the environment.
 */
import { PoolConfig, Settings } from "@watertight/pool"
import type * as Config from "effect/Config"
import { zipWith } from "effect/Config"
import type * as Duration from "effect/Duration"
import { defaultsOfStdio, environmentFields, otherDefaults } from "./internal/settings.ts"
import type { StdioServer } from "./StdioServer.ts"

/** The settings of stdio that may differ from server to server. */
export interface StdioOptions {
  /** leases that one process carries at once; a server made `exclusive` has one, whatever this says */
  readonly capacity: number
  /** until the answer is there, from the moment at which the request has its process */
  readonly requestTimeout: Duration.DurationInput
  /** bytes of one line from the process; a longer one ends it */
  readonly maxLineSize: number
  /** lines in a row that are no messages, such as banners and logs; one more ends the process */
  readonly maxNoise: number
  /** bytes of stderr that are kept, for errors */
  readonly stderrTail: number
  /** requests of the process that are being answered at once; further ones are refused */
  readonly maxServerRequests: number
  /** how long a process that is being closed has to end by itself once its stdin has ended */
  readonly endGrace: Duration.DurationInput
  /** and how long after `SIGTERM`, which its whole group gets */
  readonly termGrace: Duration.DurationInput
  /** and how long its group has to be gone after `SIGKILL` */
  readonly killGrace: Duration.DurationInput
}

/** The settings of what the pool tells about all servers. */
export interface NotificationOptions {
  /** notifications that a reader may be behind before the oldest are dropped */
  readonly notificationBuffer: number
  /** and their bytes */
  readonly notificationBytes: number
}

/** What may differ from server to server. */
export interface HostOptions extends PoolConfig.HostOptions, StdioOptions {}

/** Every setting of a pool of processes. */
export interface Options extends Omit<PoolConfig.Options<StdioServer>, "overrides">, StdioOptions, NotificationOptions {
  /** other settings for some servers */
  readonly overrides?: ((server: StdioServer) => Partial<HostOptions>) | undefined
}

/**
 * The defaults. Without one of its own, `closeTimeout` is the three graces and a second.
 *
 * @example
 * import { StdioConfig } from "@watertight/stdio-adapter"
 *
 * export const options: Partial<StdioConfig.Options> = {
 *   maxLineSize: StdioConfig.defaults.maxLineSize * 4
 * }
 */
export const defaults: Omit<Options, "overrides"> = { ...PoolConfig.defaults, ...otherDefaults, ...defaultsOfStdio }

/**
 * The same as `config` with a prefix of your own, for programs with more than one pool of processes.
 *
 * @example
 * import { StdioConfig } from "@watertight/stdio-adapter"
 *
 * // TOOLS_CAPACITY, TOOLS_MAX_CONNECTIONS_PER_HOST and so on
 * export const tools = StdioConfig.configWithPrefix("TOOLS")
 */
export const configWithPrefix = (prefix: string): Config.Config<Partial<Options>> =>
  zipWith(
    // without `overrides`, which no variable can hold
    PoolConfig.configWithPrefix(prefix) as Config.Config<Partial<Omit<PoolConfig.Options, "overrides">>>,
    Settings.environment(environmentFields, prefix),
    (pool, stdio) => ({ ...pool, ...stdio })
  )

/**
 * Every setting besides `overrides` from the environment: `WATERTIGHT_STDIO_MAX_CONNECTIONS_PER_HOST=2`,
 * `WATERTIGHT_STDIO_REQUEST_TIMEOUT="5 minutes"`. What is not set is left out; a wrong value fails with the variable's name and what
 * it may be. The prefix is not that of HTTP, so that a program with both pools can set each.
 *
 * @example
 * import { StdioConfig, StdioPool } from "@watertight/stdio-adapter"
 * import { Effect, Layer } from "effect"
 *
 * export const live = Layer.unwrapEffect(
 *   Effect.map(StdioConfig.config, (environment) => StdioPool.layer({ capacity: 8, ...environment }))
 * )
 */
export const config: Config.Config<Partial<Options>> = configWithPrefix("WATERTIGHT_STDIO")
