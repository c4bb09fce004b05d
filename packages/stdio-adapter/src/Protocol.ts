/** What is spoken besides requests and answers: how a process becomes ready, how it is asked whether it lives, how a request is given up. */
import * as Effect from "effect/Effect"
import { hasProperty, isReadonlyRecord } from "effect/Predicate"
import type { RequestError } from "./StdioError.ts"

/** What one side tells the other without asking for an answer. */
export interface Notification {
  readonly method: string
  readonly params: unknown
}

/** One process, as a protocol sees it. */
export interface Channel {
  request(method: string, params?: unknown): Effect.Effect<unknown, RequestError>
  notify(method: string, params?: unknown): Effect.Effect<void, RequestError>
}

/** A process that does not speak as it has to. */
export class Mismatch extends Error {
  override readonly name = "Mismatch"
}

/**
 * The habits of a family of servers. Every part is optional.
 *
 * @example
 * import { Protocol } from "@watertight/stdio-adapter"
 * import { Effect } from "effect"
 *
 * // a language server
 * export const lsp: Protocol.Protocol = {
 *   handshake: (channel) =>
 *     channel.request("initialize", { processId: null, rootUri: null, capabilities: {} }).pipe(
 *       Effect.tap(() => channel.notify("initialized", {}))
 *     ),
 *   cancel: (id) => ({ method: "$/cancelRequest", params: { id } })
 * }
 */
export interface Protocol {
  /** Makes a started process ready; what it returns is the `ready` of that process. Bounded by `connectTimeout`. */
  readonly handshake?: ((channel: Channel) => Effect.Effect<unknown, RequestError | Mismatch>) | undefined
  /**
   * Proves that the process answers. Bounded by `healthCheckTimeout`. Without it, a process that has let the time of a request run out
   * and has answered nothing else meanwhile gets no new request, and ends when nobody waits for it any more.
   */
  readonly check?: ((channel: Channel) => Effect.Effect<void, unknown>) | undefined
  /** What is told to the process about a request that nobody waits for any more. */
  readonly cancel?: ((id: number, method: string, reason: string) => Notification | undefined) | undefined
  /** The parameters of a request whose progress is wanted. */
  readonly track?: ((params: unknown, id: number) => unknown) | undefined
  /** The request that a notification is about the progress of, and its parameters as the asker of that request knows them. */
  readonly progressOf?:
    | ((notification: Notification, params: (id: number) => unknown) => Progress | undefined)
    | undefined
  /** The request of the process that it has given up itself. */
  readonly cancelled?: ((notification: Notification) => number | string | undefined) | undefined
  /** Answers to requests of the process, before anybody else is asked. */
  readonly answer?: ((method: string, params: unknown) => unknown) | undefined
}

/** A piece of progress, and whose it is. */
export interface Progress {
  readonly id: number
  readonly params: unknown
}

/**
 * JSON-RPC 2.0 without anything else. A process is ready when it is started, and is asked nothing to see whether it lives, unless a
 * method for that is given; any answer will do, an error too. See `check`.
 *
 * @example
 * import { Protocol } from "@watertight/stdio-adapter"
 *
 * export const protocol = Protocol.jsonRpc({ ping: "rpc.ping" })
 */
export const jsonRpc = (options: { readonly ping?: string | undefined } = {}): Protocol => ({
  check: options.ping === undefined ? undefined : pingWith(options.ping)
})

const pingWith = (method: string) => (channel: Channel): Effect.Effect<void, unknown> =>
  channel.request(method).pipe(Effect.catchTag("RpcError", () => Effect.void), Effect.asVoid)

// ---------------------------------------------------------------------------------------------------------------------
// MCP
// ---------------------------------------------------------------------------------------------------------------------

/** What an MCP client says about itself. */
export interface McpOptions {
  readonly clientInfo?: { readonly name: string; readonly version: string } | undefined
  /** default: none, so that servers ask for nothing */
  readonly capabilities?: Readonly<Record<string, unknown>> | undefined
  /** the version that is asked for, and all that will do; the first is the one that is asked for */
  readonly versions?: readonly [string, ...ReadonlyArray<string>] | undefined
}

/** The versions of the Model Context Protocol that begin with `initialize`. */
export const mcpVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const

/**
 * The Model Context Protocol: `initialize` and `notifications/initialized`, `ping` in both directions, `notifications/cancelled` in
 * both directions, `notifications/progress`. The `ready` of a process is the result of its `initialize`.
 *
 * @example
 * import { Protocol, StdioPool } from "@watertight/stdio-adapter"
 *
 * export const live = StdioPool.layer({
 *   protocol: Protocol.mcp({ clientInfo: { name: "desk", version: "2.1.0" }, capabilities: { roots: {} } })
 * })
 */
export const mcp = (options: McpOptions = {}): Protocol => {
  const versions = options.versions ?? mcpVersions
  const clientInfo = options.clientInfo ?? { name: "watertight", version: "0.1.0" }
  const capabilities = options.capabilities ?? {}
  // Askers give tokens of their own, small numbers mostly: one of them must not be taken for ours.
  const mark = `${Math.random().toString(36).slice(2)}-`
  return {
    handshake: (channel) =>
      channel.request("initialize", { protocolVersion: versions[0], capabilities, clientInfo }).pipe(
        Effect.filterOrFail(
          (result) => isReadonlyRecord(result) && versions.some((version) => version === result["protocolVersion"]),
          (result) =>
            new Mismatch(
              hasProperty(result, "protocolVersion")
                ? `it speaks version ${String(result.protocolVersion)}; allowed: ${versions.join(", ")}`
                : "its answer to initialize names no version"
            )
        ),
        Effect.tap(() => channel.notify("notifications/initialized"))
      ),
    check: pingWith("ping"),
    // A client must not cancel its `initialize`; it ends the process instead.
    cancel: (requestId, method, reason) =>
      method === "initialize" ? undefined : { method: "notifications/cancelled", params: { requestId, reason } },
    track: (params, id) => {
      const fields = isReadonlyRecord(params) ? params : {}
      const meta = isReadonlyRecord(fields["_meta"]) ? fields["_meta"] : {}
      return { ...fields, _meta: { ...meta, progressToken: `${mark}${id}` } }
    },
    progressOf: ({ method, params }, paramsOf) => {
      if (method !== "notifications/progress" || !isReadonlyRecord(params)) return undefined
      const ours = params["progressToken"]
      if (typeof ours !== "string" || !ours.startsWith(mark)) return undefined
      const id = Number(ours.slice(mark.length))
      const asked = paramsOf(id)
      const meta = isReadonlyRecord(asked) ? asked["_meta"] : undefined
      const token = isReadonlyRecord(meta) ? meta["progressToken"] : undefined
      return { id, params: token === undefined ? params : { ...params, progressToken: token } }
    },
    cancelled: ({ method, params }) => {
      if (method !== "notifications/cancelled" || !isReadonlyRecord(params)) return undefined
      const id = params["requestId"]
      return typeof id === "number" || typeof id === "string" ? id : undefined
    },
    answer: (method) => method === "ping" ? {} : undefined
  }
}
