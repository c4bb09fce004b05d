/** JSON-RPC 2.0: what a line says. PURE. */
import { hasProperty, isReadonlyRecord } from "effect/Predicate"

/** How one side names a request. */
export type Id = number | string

export type Message =
  | { readonly kind: "result"; readonly id: Id; readonly result: unknown }
  | {
    readonly kind: "error"
    readonly id: Id | null
    readonly code: number
    readonly text: string
    readonly data: unknown
  }
  /** an answer to that request, but not one that says anything */
  | { readonly kind: "broken"; readonly id: Id }
  | { readonly kind: "request"; readonly id: Id; readonly method: string; readonly params: unknown }
  | { readonly kind: "notification"; readonly method: string; readonly params: unknown }

export type Line =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "batch"; readonly messages: ReadonlyArray<Message> }
  /** no message at all: a banner, a log line, something printed by mistake */
  | { readonly kind: "noise" }
  /** what was meant as a message, but cannot be read */
  | { readonly kind: "torn" }

const strict = new TextDecoder("utf-8", { fatal: true })
const lenient = new TextDecoder()

const noise: Line = { kind: "noise" }
const torn: Line = { kind: "torn" }

export const read = (bytes: Uint8Array): Line => {
  let value: unknown
  try {
    value = JSON.parse(strict.decode(bytes))
  } catch {
    // Log lines begin with braces and brackets as well, so only the mark of the protocol tells a message that broke.
    return excerpt(bytes, markWithin).includes("\"jsonrpc\"") ? torn : noise
  }
  if (!Array.isArray(value)) {
    const message = messageOf(value)
    return message === undefined ? noise : { kind: "message", message }
  }
  const messages = value.map(messageOf)
  const readable = messages.filter((message) => message !== undefined)
  if (readable.length === 0) return noise
  return readable.length === messages.length ? { kind: "batch", messages: readable } : torn
}

/** Writers put the mark first; a look at the beginning is enough, and costs little. */
const markWithin = 4096

/** The beginning of a line, for people. */
export const excerpt = (bytes: Uint8Array, limit = 200): string => lenient.decode(bytes.subarray(0, limit))

const isId = (value: unknown): value is Id => typeof value === "number" || typeof value === "string"

const messageOf = (value: unknown): Message | undefined => {
  if (!isReadonlyRecord(value) || value["jsonrpc"] !== "2.0") return undefined
  const { error, id, method, params } = value
  if (typeof method === "string") {
    if (id === undefined) return { kind: "notification", method, params }
    return isId(id) ? { kind: "request", id, method, params } : undefined
  }
  if (isErrorBody(error)) {
    if (id !== null && id !== undefined && !isId(id)) return undefined
    return { kind: "error", id: id ?? null, code: error.code, text: error.message, data: error["data"] }
  }
  if (!isId(id)) return undefined
  return error === undefined && "result" in value
    ? { kind: "result", id, result: value["result"] }
    : { kind: "broken", id }
}

const isErrorBody = (
  error: unknown
): error is { readonly code: number; readonly message: string; readonly [name: string]: unknown } =>
  hasProperty(error, "code") && typeof error.code === "number" && hasProperty(error, "message") &&
  typeof error.message === "string"

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------

const encoder = new TextEncoder()

/** JSON never has a line break in it, so that a message is one line. */
export const encode = (message: object): Uint8Array => encoder.encode(JSON.stringify({ jsonrpc: "2.0", ...message }))

/** A request or, without an id, a notification, around parameters that are JSON already. */
export const encodeCall = (id: number | undefined, method: string, params: string | undefined): Uint8Array =>
  encoder.encode(
    "{\"jsonrpc\":\"2.0\"" + (id === undefined ? "" : `,"id":${id}`) + `,"method":${JSON.stringify(method)}` +
      (params === undefined ? "}" : `,"params":${params}}`)
  )

export const encodeAll = (messages: ReadonlyArray<object>): Uint8Array =>
  encoder.encode(JSON.stringify(messages.map((message) => ({ jsonrpc: "2.0", ...message }))))
