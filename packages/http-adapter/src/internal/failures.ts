/** The errors of undici and of Node's HTTP/2 in our own words. PURE. */
import { hasProperty } from "effect/Predicate"
import * as HttpError from "../HttpError.ts"

export interface Circumstances {
  readonly host: string
  /** whether the request had begun to be written */
  readonly written: boolean
  /** whether a part of a response had arrived */
  readonly answered: boolean
  /** whether its head had arrived as a whole */
  readonly headed: boolean
  readonly maxHeaderSize: number
}

export const failureOf = (cause: unknown, at: Circumstances): HttpError.ExchangeError => {
  const { answered, headed, host, written } = at
  // from a stream of HTTP/2, which knows better
  if (
    cause instanceof HttpError.RequestBodyFailed || cause instanceof HttpError.RequestInvalid ||
    cause instanceof HttpError.HeadersTooLarge
  ) return cause
  const code = hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : ""
  const message = cause instanceof Error ? cause.message : ""
  switch (code) {
    case "UND_ERR_INVALID_ARG":
    case "UND_ERR_NOT_SUPPORTED":
      return new HttpError.RequestInvalid({ field: "request", value: message, allowed: "what HTTP/1.1 can send" })
    case "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH":
      return new HttpError.RequestBodyFailed({ cause })
    case "UND_ERR_HEADERS_OVERFLOW":
      return new HttpError.HeadersTooLarge({ host, limit: at.maxHeaderSize })
    case "NGHTTP2_PROTOCOL_ERROR":
    case "NGHTTP2_FRAME_SIZE_ERROR":
    case "NGHTTP2_COMPRESSION_ERROR":
    case "NGHTTP2_FLOW_CONTROL_ERROR":
    // of a whole session
    case "ERR_HTTP2_ERROR":
    case "ERR_HTTP2_TOO_MANY_INVALID_FRAMES":
      return new HttpError.ResponseMalformed({ host, cause })
  }
  // Within a body both say that the connection ended too early; undici says the first also of two lengths in one head.
  const cutOff = code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" || message.includes("Invalid EOF state")
  if (cutOff && headed) return new HttpError.ConnectionLost({ host, written, answered: true, cause })
  const unparsed = cause instanceof Error && cause.name === "HTTPParserError"
  return cutOff || unparsed || message === "bad response" || message === "bad upgrade"
    ? new HttpError.ResponseMalformed({ host, cause })
    : new HttpError.ConnectionLost({ host, written, answered, cause })
}
