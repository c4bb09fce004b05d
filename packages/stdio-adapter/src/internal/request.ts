/** The way of one request: a process is borrowed, asked, and given back; and if it is lost before it was asked, another one. */
import type { ConnectionPool } from "@watertight/pool"
import * as Effect from "effect/Effect"
import type { StartError, StdioError } from "../StdioError.ts"
import type { StdioServer } from "../StdioServer.ts"
import { textOf } from "./calls.ts"
import type { RequestOptions } from "./service.ts"
import type { Wire } from "./wire.ts"

type Pool = ConnectionPool.ConnectionPool<StdioServer, Wire, StartError>

/** Processes that one request may lose before it gives up. */
const attempts = 3

export const request = (
  pool: Pool,
  server: StdioServer,
  method: string,
  params: unknown,
  options: RequestOptions = {}
): Effect.Effect<unknown, StdioError> =>
  Effect.suspend(() => {
    // Nothing is borrowed for what cannot be sent.
    const text = textOf(method, params)
    return typeof text === "object" ? Effect.fail(text) : attempt(pool, server, method, params, text, options, attempts)
  })

const attempt = (
  pool: Pool,
  server: StdioServer,
  method: string,
  params: unknown,
  text: string | undefined,
  options: RequestOptions,
  left: number
): Effect.Effect<unknown, StdioError> => {
  let reused = false
  const once: Effect.Effect<unknown, StdioError> = pool.use(
    server,
    (lease) => {
      const { reused: before } = lease
      reused = before
      const asked = lease.connection.call(method, params, text, options)
      // An old process may have come to its end, which is nobody's fault; a new one that dies is as good as none.
      return reused
        ? asked
        : Effect.tapError(asked, (error) => error._tag === "ProcessLost" ? lease.reportFailure(error) : Effect.void)
    },
    options.acquire
  )
  return Effect.catchTag(once, "ProcessLost", (error) => {
    // A new process that was asked and died of it is no reason to ask the next one.
    const again = error.written ? options.idempotent === true && reused : true
    return again && left > 1
      ? attempt(pool, server, method, params, text, options, left - 1)
      : Effect.fail(error)
  })
}
