/** The pool of an application's servers on stdio: one per layer, ended with it, and every process with it. */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PoolError } from "@watertight/pool"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Handler, Service } from "./internal/service.ts"
import { make as makeService } from "./internal/stdioPool.ts"
import { mcp, type Protocol } from "./Protocol.ts"
import type { Options } from "./StdioConfig.ts"
import type { StdioServer } from "./StdioServer.ts"

export type {
  /** How one request on one process differs from the others. */
  CallOptions,
  /** Answers requests of processes. */
  Handler,
  /** How one request to a server differs from the others. */
  RequestOptions,
  /** A request that a process makes of us. */
  ServerRequest,
  /** A pool of processes by server, with all that a `ConnectionPool` offers. */
  Service,
  /** How one session differs from the others. */
  SessionOptions,
  /** One process. */
  StdioProcess,
  /** How long one request or notification may take. */
  TimeLimit,
  /** A notification of a process. */
  Told
} from "./internal/service.ts"
export type {
  /** What has happened, in numbers. */
  Traffic
} from "./internal/traffic.ts"

/**
 * The pool as a service: requests, sessions and notifications, and its `stats`, `events`, `metrics`, `reconfigure` and so on.
 *
 * @example
 * import { StdioPool, StdioServer } from "@watertight/stdio-adapter"
 * import { Effect } from "effect"
 *
 * const files = StdioServer.make({ command: "mcp-server-filesystem", args: ["/srv"] })
 *
 * export const tools = Effect.flatMap(StdioPool.StdioPool, (pool) => pool.request(files, "tools/list"))
 */
export class StdioPool extends Context.Tag("@watertight/stdio-adapter/StdioPool")<StdioPool, Service>() {}

/** Settings, and what is spoken. */
export interface PoolOptions<R = never> extends Partial<Options> {
  /** for all servers, or for each; default: `Protocol.mcp()` */
  readonly protocol?: Protocol | ((server: StdioServer) => Protocol) | undefined
  /** answers requests of processes; without it each is told that there is no such method */
  readonly onRequest?: Handler<R> | undefined
}

/** Makes a pool that lives as long as the scope. */
export const make = <R = never>(
  options: PoolOptions<R> = {}
): Effect.Effect<Service, PoolError.ConfigInvalid, CommandExecutor.CommandExecutor | Scope.Scope | R> => {
  const { onRequest, protocol, ...settings } = options
  return makeService(settings, { onRequest, protocol: protocol ?? mcp() })
}

/**
 * A pool as a layer. Processes are started by the platform's executor: `NodeContext.layer` or its kin. One pool per layer built:
 * consumers in one layer graph share it, while each separate `Effect.provide(layer)` builds one of its own.
 *
 * @example
 * import { NodeContext } from "@effect/platform-node"
 * import { StdioPool } from "@watertight/stdio-adapter"
 * import { Effect, Layer } from "effect"
 *
 * export const live = StdioPool.layer({
 *   maxConnectionsPerHost: 2,
 *   requestTimeout: "5 minutes",
 *   overrides: (server) => server.label === "search" ? { capacity: 4 } : {},
 *   onRequest: ({ method }) => method === "roots/list" ? Effect.succeed({ roots: [] }) : Effect.fail({ code: -32601, description: "no" })
 * }).pipe(Layer.provide(NodeContext.layer))
 */
export const layer = <R = never>(
  options: PoolOptions<R> = {}
): Layer.Layer<StdioPool, PoolError.ConfigInvalid, CommandExecutor.CommandExecutor | R> =>
  // `Layer.scoped` takes the scope away, which TypeScript cannot see behind `R`
  Layer.scoped(StdioPool, make(options)) as Layer.Layer<
    StdioPool,
    PoolError.ConfigInvalid,
    CommandExecutor.CommandExecutor | R
  >
