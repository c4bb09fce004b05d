/** JSON-RPC 2.0 as the broker reads it: whose a message is, and no more than that. PURE. */
import { Predicate } from "effect"

/** How one side names a request. */
export type Id = number | string

/** What a request is refused with. */
export interface Refusal {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export interface Request {
  readonly jsonrpc: "2.0"
  readonly id: Id
  readonly method: string
  readonly params?: unknown
}

export interface Notification {
  readonly jsonrpc: "2.0"
  readonly method: string
  readonly params?: unknown
}

export type Answer =
  | { readonly jsonrpc: "2.0"; readonly id: Id; readonly result: unknown }
  | { readonly jsonrpc: "2.0"; readonly id: Id; readonly error: Refusal }

export type Message = Request | Notification | Answer

export const request = (id: Id, method: string, params: unknown): Request => ({
  jsonrpc: "2.0",
  id,
  method,
  ...(params === undefined ? {} : { params })
})

export const notification = (method: string, params: unknown): Notification => ({
  jsonrpc: "2.0",
  method,
  ...(params === undefined ? {} : { params })
})

export const result = (id: Id, value: unknown): Answer => ({ jsonrpc: "2.0", id, result: value })

export const failure = (id: Id, error: Refusal): Answer => ({ jsonrpc: "2.0", id, error })

export const isId = (value: unknown): value is Id => typeof value === "number" || typeof value === "string"

/** A field of something that may be no object. */
export const field = (value: unknown, name: string): unknown =>
  Predicate.isReadonlyRecord(value) ? value[name] : undefined

/** The token under which the asker of a request wants to hear of its progress. */
export const progressToken = (params: unknown): Id | undefined => {
  const token = field(field(params, "_meta"), "progressToken")
  return isId(token) ? token : undefined
}

/** The same parameters with another token, for those who had one. */
export const withToken = (params: unknown, token: Id): unknown => {
  if (progressToken(params) === undefined || !Predicate.isReadonlyRecord(params)) return params
  const meta = params["_meta"]
  return { ...params, _meta: { ...(Predicate.isReadonlyRecord(meta) ? meta : {}), progressToken: token } }
}

/** The ids of the requests in a body, be it one message or several. */
export const requestIds = (body: unknown): ReadonlyArray<Id> =>
  (Array.isArray(body) ? body : [body]).flatMap((message: unknown) => {
    const id = field(message, "id")
    return isId(id) && typeof field(message, "method") === "string" ? [id] : []
  })

/** Whether a body begins a session. */
export const isInitialize = (body: unknown): boolean =>
  (Array.isArray(body) ? body : [body]).some((message: unknown) => field(message, "method") === "initialize")
