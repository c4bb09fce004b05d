/** What goes before the body of a request, checked before anything is borrowed for it. PURE. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { RequestInvalid } from "../HttpError.ts"
import type { Payload } from "./payload.ts"
import type { Target } from "./target.ts"

// the characters of a token in RFC 9110
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
// what may stand in a value: no control character but the tab, nothing beyond one byte
const value = /^[\t\x20-\x7e\x80-\xff]*$/

/** Headers that belong to the connection and not to the request. */
const reserved: ReadonlyMap<string, string> = new Map([
  ["transfer-encoding", "nothing: a body whose length is not known is sent in chunks anyway"],
  ["keep-alive", "nothing: how long connections are kept is a setting of the pool"],
  ["upgrade", "nothing: an upgraded connection could not be shared"],
  ["expect", "nothing: bodies are sent at once"]
])

/** What is wrong with the request, if anything is. */
export const check = (
  { headers, method }: HttpClientRequest.HttpClientRequest
): RequestInvalid | undefined => {
  // a method of the platform's type, unless somebody has cast
  if (!token.test(method)) return new RequestInvalid({ field: "method", value: method, allowed: "a token of RFC 9110" })
  for (const name in headers) {
    const given = headers[name]
    if (!token.test(name)) {
      return new RequestInvalid({ field: "the name of a header", value: name, allowed: "a token of RFC 9110" })
    }
    if (typeof given !== "string" || !value.test(given)) {
      const allowed = "a text of one line in Latin-1, without control characters"
      return new RequestInvalid({ field: `the header ${name}`, value: wrongIn(given), allowed })
    }
    const instead = reserved.get(name)
    if (instead !== undefined && !(name === "transfer-encoding" && given === "chunked")) {
      return new RequestInvalid({ field: `the header ${name}`, value: given, allowed: instead })
    }
  }
  return undefined
}

/** What is wrong with a value, without the value: tokens that were read with the end of their line are secrets. */
const wrongIn = (given: unknown): string => {
  if (typeof given !== "string") return typeof given
  const at = given.search(/[^\t\x20-\x7e\x80-\xff]/)
  const code = (given.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, "0")
  return `U+${code} at ${at} of ${given.length} characters`
}

/** The headers as they go out, or what is wrong between them and the body. */
export const headersOf = (
  { headers }: HttpClientRequest.HttpClientRequest,
  target: Target,
  payload: Payload,
  more: Readonly<Record<string, string>> | undefined
): Readonly<Record<string, string>> | RequestInvalid => {
  const { contentType, length } = payload
  const declared = headers["content-length"]
  if (declared !== undefined && !/^\d+$/.test(declared)) {
    return new RequestInvalid({ field: "the header content-length", value: declared, allowed: "a whole number" })
  }
  if (declared !== undefined && length !== undefined && Number(declared) !== length) {
    const allowed = `${length}, which is the length of the body`
    return new RequestInvalid({ field: "the header content-length", value: declared, allowed })
  }
  const addsLength = declared === undefined && payload.kind === "stream" && length !== undefined
  const addsType = contentType !== undefined && (headers["content-type"] === undefined || payload.ownType)
  const adds = target.authorization !== undefined && headers["authorization"] === undefined
  const asIs = more === undefined && !addsLength && !addsType && !adds
  if (asIs && headers["transfer-encoding"] === undefined) return headers
  const out: Record<string, string> = { ...headers, ...more }
  delete out["transfer-encoding"]
  if (addsLength) out["content-length"] = String(length)
  if (addsType) out["content-type"] = contentType
  if (adds && target.authorization !== undefined) out["authorization"] = target.authorization
  return out
}
