/**
 * What may go wrong between a request and the end of its response. These are the causes inside of the platform's errors, so that
 * a program matches `reason` as with any client and looks at the cause's `_tag` for more.
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type { PoolError } from "@watertight/pool"
import * as Data from "effect/Data"
import { toStringUnknown } from "effect/Inspectable"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"

const codeOf = (cause: unknown): string =>
  hasProperty(cause, "code") && typeof cause.code === "string"
    ? cause.code
    : cause instanceof Error
    ? cause.message
    : String(cause)

/** The addresses of a host could not be found. */
export class ResolveFailed
  extends Data.TaggedError("ResolveFailed")<{ readonly hostname: string; readonly cause: unknown }>
{
  override get message(): string {
    return `${this.hostname}: its addresses could not be found (${codeOf(this.cause)})`
  }
}

/** An address did not accept the connection. */
export class ConnectFailed extends Data.TaggedError("ConnectFailed")<{
  readonly host: string
  readonly address: string
  /** as the system calls it: `ECONNREFUSED`, `EMFILE`, … */
  readonly code: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.host}: ${this.address} could not be connected (${this.code})`
  }
}

/** The connection was there, but TLS could not be agreed on: a certificate that is not trusted, a protocol that is not spoken. */
export class TlsFailed extends Data.TaggedError("TlsFailed")<{
  readonly host: string
  readonly address: string
  /** as OpenSSL or Node calls it: `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, … */
  readonly code: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.host}: no TLS with ${this.address} (${this.code})`
  }
}

/** The egress policy refuses where a request would go. */
export class EgressDenied extends Data.TaggedError("EgressDenied")<{
  readonly host: string
  /** the address that would have been dialed, as far as it is known: names may be refused before they are resolved */
  readonly address: string | undefined
  readonly port: number
  /** the rule, by its name or its place, and what of it matched */
  readonly rule: string
}> {
  override get message(): string {
    const at = this.address === undefined ? "" : ` at ${this.address}`
    return `${this.host}: port ${this.port}${at} is refused by the egress policy (${this.rule})`
  }
}

/** A proxy was reached, but did not make a tunnel to the host. */
export class ProxyFailed extends Data.TaggedError("ProxyFailed")<{
  readonly host: string
  /** scheme, host and port of the proxy */
  readonly proxy: string
  /** of the proxy */
  readonly address: string
  /** of its answer, if there was one that can be read: 407 when it wants credentials */
  readonly status: number | undefined
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.host}: no tunnel through the proxy ${this.proxy} at ${this.address} (${this.reason})`
  }
}

/** Nobody has given the pool an identity of that name. */
export class IdentityUnknown extends Data.TaggedError("IdentityUnknown")<{
  readonly identity: string
  readonly known: ReadonlyArray<string>
}> {
  override get message(): string {
    const allowed = this.known.length === 0 ? "none, since there are no identities" : this.known.join(", ")
    return `identity: ${JSON.stringify(this.identity)} is not known; allowed: ${allowed}`
  }
}

/** A request that cannot be sent as it is. */
export class RequestInvalid extends Data.TaggedError("RequestInvalid")<{
  readonly field: string
  readonly value: unknown
  readonly allowed: string
}> {
  override get message(): string {
    const value = typeof this.value === "string" ? JSON.stringify(this.value) : toStringUnknown(this.value, 0)
    return `${this.field}: ${value} is not allowed; allowed: ${this.allowed}`
  }
}

/** The body of the request failed while it was being sent, or was not as long as it was said to be. */
export class RequestBodyFailed extends Data.TaggedError("RequestBodyFailed")<{ readonly cause: unknown }> {
  override get message(): string {
    return `the body of the request could not be sent (${codeOf(this.cause)})`
  }
}

/** The connection ended before the response did. */
export class ConnectionLost extends Data.TaggedError("ConnectionLost")<{
  readonly host: string
  /** whether the request had begun to be written */
  readonly written: boolean
  /** whether a part of the response had arrived */
  readonly answered: boolean
  readonly cause: unknown
}> {
  override get message(): string {
    const when = this.answered ? "within the response" : this.written ? "before the response" : "before the request"
    return `${this.host}: the connection ended ${when} (${codeOf(this.cause)})`
  }
}

/** The head of the response did not come in time. */
export class ResponseTimeout
  extends Data.TaggedError("ResponseTimeout")<{ readonly host: string; readonly timeout: number }>
{
  override get message(): string {
    return `${this.host}: no response within ${this.timeout} ms`
  }
}

/** The body of the response paused for too long. */
export class BodyTimeout extends Data.TaggedError("BodyTimeout")<{ readonly host: string; readonly timeout: number }> {
  override get message(): string {
    return `${this.host}: the body paused for longer than ${this.timeout} ms`
  }
}

/** The request was not done within `totalTimeout`. */
export class TotalTimeout extends Data.TaggedError("TotalTimeout")<{
  readonly host: string
  readonly timeout: number
  /** what it waited for: a connection, the head of the response, or the rest of its body */
  readonly stage: "connection" | "response" | "body"
  /** of the stage `connection`: how the host stood */
  readonly cause: unknown
}> {
  override get message(): string {
    const waited = { connection: "a connection", response: "the response", body: "the rest of the body" }[this.stage]
    return `${this.host}: not done within ${this.timeout} ms; it waited for ${waited}`
  }
}

/** What the peer sent is not HTTP. */
export class ResponseMalformed
  extends Data.TaggedError("ResponseMalformed")<{ readonly host: string; readonly cause: unknown }>
{
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.host}: the response is malformed (${why})`
  }
}

/** The head of the response is larger than `maxHeaderSize`. */
export class HeadersTooLarge
  extends Data.TaggedError("HeadersTooLarge")<{ readonly host: string; readonly limit: number }>
{
  override get message(): string {
    return `${this.host}: the head of the response is larger than ${this.limit} bytes`
  }
}

/** The body of the response is larger than `maxResponseSize`. */
export class BodyTooLarge extends Data.TaggedError("BodyTooLarge")<{ readonly host: string; readonly limit: number }> {
  override get message(): string {
    return `${this.host}: the body of the response is larger than ${this.limit} bytes`
  }
}

/** The body of the response, decompressed, is larger than `maxDecompressedSize`. */
export class DecompressedTooLarge
  extends Data.TaggedError("DecompressedTooLarge")<{ readonly host: string; readonly limit: number }>
{
  override get message(): string {
    return `${this.host}: the body of the response is larger than ${this.limit} bytes when it is decompressed`
  }
}

/** The body of the response is not coded as it says, or not to its end. */
export class DecompressionFailed extends Data.TaggedError("DecompressionFailed")<{
  readonly host: string
  /** as in the header `content-encoding` */
  readonly coding: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.host}: the body of the response cannot be decoded as ${this.coding} (${codeOf(this.cause)})`
  }
}

/** The body was given up before somebody asked for it: its scope closed, or nobody had read it for too long. */
export class BodyClosed extends Data.TaggedError("BodyClosed")<{ readonly host: string; readonly reason: string }> {
  override get message(): string {
    return `${this.host}: the body is closed (${this.reason})`
  }
}

/** A connection could not be had. */
export type ConnectError = ResolveFailed | ConnectFailed | TlsFailed | EgressDenied | ProxyFailed | IdentityUnknown

/** A request failed on its connection. */
export type ExchangeError =
  | RequestInvalid
  | RequestBodyFailed
  | ConnectionLost
  | ResponseTimeout
  | BodyTimeout
  | TotalTimeout
  | ResponseMalformed
  | HeadersTooLarge
  | BodyTooLarge
  | DecompressedTooLarge
  | DecompressionFailed
  | BodyClosed

/** Every cause that this package puts into the platform's errors. */
export type HttpError = ConnectError | ExchangeError | PoolError.AcquireError

const tags: ReadonlySet<string> = new Set<HttpError["_tag"]>([
  "ResolveFailed",
  "ConnectFailed",
  "TlsFailed",
  "EgressDenied",
  "ProxyFailed",
  "IdentityUnknown",
  "RequestInvalid",
  "RequestBodyFailed",
  "ConnectionLost",
  "ResponseTimeout",
  "BodyTimeout",
  "TotalTimeout",
  "ResponseMalformed",
  "HeadersTooLarge",
  "BodyTooLarge",
  "DecompressedTooLarge",
  "DecompressionFailed",
  "BodyClosed",
  "QueueFull",
  "AcquireTimeout",
  "ResolveTimeout",
  "ConnectTimeout",
  "PoolClosed",
  "HostUnavailable",
  "TooManyHosts"
])

/**
 * What is behind an error of the client, if it comes from the pool or from a connection.
 *
 * @example
 * import { HttpError } from "@watertight/http-adapter"
 * import { HttpClient } from "@effect/platform"
 * import { Effect, Option } from "effect"
 *
 * export const orNothing = HttpClient.get("http://users.test/").pipe(
 *   Effect.catchTag("RequestError", (error) =>
 *     Option.exists(HttpError.causeOf(error), (cause) => cause._tag === "QueueFull") ? Effect.succeedNone : Effect.fail(error))
 * )
 */
export const causeOf = (error: HttpClientError.HttpClientError): Option.Option<HttpError> => {
  const { cause } = error
  // every tag of the set belongs to one class of the union
  return hasProperty(cause, "_tag") && typeof cause._tag === "string" && tags.has(cause._tag)
    ? Option.some(cause as HttpError)
    : Option.none()
}
