/** What users see of a pool of processes, of one process, and of what comes from it. */
import type { ConnectionPool, PoolError } from "@watertight/pool"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Channel, Notification } from "../Protocol.ts"
import type { Options } from "../StdioConfig.ts"
import type { RequestError, ResultInvalid, StartError, StdioError } from "../StdioError.ts"
import type { StdioServer } from "../StdioServer.ts"
import type { Traffic } from "./traffic.ts"

/** How long one request or notification may take. */
export interface TimeLimit {
  /** instead of `requestTimeout` */
  readonly timeout?: Duration.DurationInput | undefined
}

/** How one request on one process differs from the others. */
export interface CallOptions extends TimeLimit {
  /** asks for progress, if the protocol knows that, and is told it as it comes; it must not block, and what it throws is logged */
  readonly onProgress?: ((params: unknown) => void) | undefined
  /** whether progress gives the request its whole time again */
  readonly resetTimeoutOnProgress?: boolean | undefined
}

/** How one request to a server differs from the others. */
export interface RequestOptions extends CallOptions {
  /** whether it may be sent again when a process was lost after it had been written: what it does twice is as good as done once */
  readonly idempotent?: boolean | undefined
  /** how its process is acquired */
  readonly acquire?: ConnectionPool.AcquireOptions | undefined
}

/** A notification of a process. */
export interface Told extends Notification {
  readonly server: StdioServer
  readonly pid: number
  /** notifications before this one that the reader was too slow for */
  readonly lost: number
}

/** A request that a process makes of us. */
export interface ServerRequest {
  readonly process: StdioProcess
  readonly method: string
  readonly params: unknown
}

/**
 * Answers requests of processes. It is interrupted when the process ends, or gives the request up. What it fails with is the error that
 * the process gets, if it has a `code` and a `description`, as an `RpcError` has.
 */
export type Handler<R = never> = (request: ServerRequest) => Effect.Effect<unknown, unknown, R>

/** One process. */
export interface StdioProcess extends Channel {
  readonly server: StdioServer
  readonly pid: number
  /** what its handshake brought: for MCP the result of `initialize` */
  readonly ready: unknown
  /** Asks it. Many may do so at once. */
  request(method: string, params?: unknown, options?: CallOptions): Effect.Effect<unknown, RequestError>
  /** Asks it for something of that schema. */
  requestWith<A, I, R>(
    schema: Schema.Schema<A, I, R>
  ): (method: string, params?: unknown, options?: CallOptions) => Effect.Effect<A, RequestError | ResultInvalid, R>
  /** Tells it something; done when its pipe has taken that. */
  notify(method: string, params?: unknown, options?: TimeLimit): Effect.Effect<void, RequestError>
  /** What it says unasked, from the moment that this is run, until it ends. */
  readonly notifications: Stream.Stream<Told>
  /** requests that wait for their answers */
  readonly inFlight: number
  /** the end of what it has said on stderr */
  readonly stderr: string
  /** what has happened so far, in numbers */
  readonly traffic: Traffic
}

/** How one session differs from the others. */
export interface SessionOptions<R = never> extends ConnectionPool.AcquireOptions {
  /** whether its process serves another session afterwards; by default it ends, with all that the session has left in it */
  readonly reuse?: boolean | undefined
  /** answers requests of its process, instead of the pool's handler */
  readonly onRequest?: Handler<R> | undefined
}

/** A pool of processes by server, with all that a `ConnectionPool` offers. */
export interface Service
  extends Omit<ConnectionPool.ConnectionPool<StdioServer, StdioProcess, StartError>, "reconfigure">
{
  /** Asks any process of that server, shared with others or started for this. */
  request(
    server: StdioServer,
    method: string,
    params?: unknown,
    options?: RequestOptions
  ): Effect.Effect<unknown, StdioError>
  /** The same for a result of that schema. */
  requestWith<A, I, R>(
    schema: Schema.Schema<A, I, R>
  ): (
    server: StdioServer,
    method: string,
    params?: unknown,
    options?: RequestOptions
  ) => Effect.Effect<A, StdioError | ResultInvalid, R>
  /** Tells any process of that server something; done when its pipe has taken that. */
  notify(server: StdioServer, method: string, params?: unknown, options?: TimeLimit): Effect.Effect<void, StdioError>
  /** What the handshake of a process of that server has brought; starts one if there is none. */
  ready(server: StdioServer): Effect.Effect<unknown, StartError | PoolError.AcquireError>
  /**
   * A process for oneself until the scope closes, for servers that keep state: see `StdioServer.exclusive`, whose processes it
   * borrows.
   */
  session<R = never>(
    server: StdioServer,
    options?: SessionOptions<R>
  ): Effect.Effect<StdioProcess, StartError | PoolError.AcquireError, Scope.Scope | R>
  /** What processes say unasked, of one server or of all, from the moment that this is run, until the pool ends. */
  notifications(server?: StdioServer): Stream.Stream<Told>
  /** What has happened so far, in numbers. */
  readonly traffic: Effect.Effect<Traffic>
  /** Changes settings at run time. No process is dropped; settings of stdio hold for processes started from now on. */
  reconfigure(change: Partial<Options>): Effect.Effect<void, PoolError.ConfigInvalid>
}
