/** The servers of the pool that one server of the settings becomes, and the settings that the pool has for each. PURE. */
import type { PoolError } from "@watertight/pool"
import { type StdioConfig, StdioServer } from "@watertight/stdio-adapter"
import { Either } from "effect"
import type { ServerConfig } from "./config.ts"

/** Under these names each process knows whose it is, and so does whoever looks at it from outside. */
export const brokerVariable = "WATERTIGHT_BROKER"
export const serverVariable = "WATERTIGHT_SERVER"

/** One server for each process of `pooled`; else one. */
export const serversOf = (
  name: string,
  { args, command, cwd, env, watertight: { processes, sharing } }: ServerConfig,
  broker: string
): Either.Either<ReadonlyArray<StdioServer.StdioServer>, PoolError.ConfigInvalid> => {
  const one = (label: string) =>
    StdioServer.decode({
      name: label,
      command,
      args,
      env: { ...env, [brokerVariable]: broker, [serverVariable]: name },
      cwd
    })
  if (sharing !== "pooled") {
    return Either.map(one(name), (server) => [sharing === "session" ? StdioServer.exclusive(server) : server])
  }
  return Either.all(Array.from({ length: processes }, (_, index) => one(`${name} #${index + 1}`)))
}

/** What the pool is told of each of them. */
export const settingsOf = ({ watertight }: ServerConfig): Partial<StdioConfig.HostOptions> => {
  const {
    concurrency,
    idleTimeout,
    maxLifetime,
    maxMessageSize,
    maxWaiting,
    processes,
    requestTimeout,
    sharing,
    startTimeout,
    warm
  } = watertight
  return {
    maxConnectionsPerHost: sharing === "session" ? processes : 1,
    minIdle: sharing === "session" ? Math.min(warm, processes) : 0,
    maxWaitersPerHost: maxWaiting,
    // one for the process that is kept for subscriptions
    capacity: concurrency + 1,
    requestTimeout,
    connectTimeout: startTimeout,
    idleTimeout,
    maxLifetime,
    maxLineSize: maxMessageSize,
    leakThreshold: Infinity
  }
}
