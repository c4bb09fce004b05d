/** A process for oneself. */
import type { ConnectionPool, PoolError } from "@watertight/pool"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StartError } from "../StdioError.ts"
import { exclusive, type StdioServer } from "../StdioServer.ts"
import type { Handler, SessionOptions, StdioProcess } from "./service.ts"
import type { Wire } from "./wire.ts"

/** With all that it needs. */
export const provided = <R>(handler: Handler<R>, context: Context.Context<R>): Handler => (request) =>
  Effect.provide(Effect.suspend(() => handler(request)), context)

export const session = <R>(
  pool: ConnectionPool.ConnectionPool<StdioServer, Wire, StartError>,
  server: StdioServer,
  options: SessionOptions<R> = {}
): Effect.Effect<StdioProcess, StartError | PoolError.AcquireError, Scope.Scope | R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { onRequest, reuse = false, ...acquire } = options
      const context = yield* Effect.context<R>()
      const lease = yield* restore(pool.acquire(exclusive(server), acquire))
      const wire = lease.connection
      wire.handler = onRequest === undefined ? undefined : provided(onRequest, context)
      yield* Effect.addFinalizer(() => {
        wire.handler = undefined
        return reuse ? Effect.void : lease.retire("its session has ended")
      })
      return wire
    })
  )
