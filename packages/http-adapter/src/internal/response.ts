/** The platform's response on top of an exchange. */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Body } from "./body.ts"
import type { Exchange } from "./exchange.ts"
import { headersOf, setCookiesOf } from "./head.ts"
import { pieces, whole } from "./reader.ts"
import type { Unpacking } from "./unpacking.ts"

type ResponseError = HttpClientError.ResponseError

export class PooledResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  private readonly exchange: Exchange
  private readonly unpacking: Unpacking | undefined
  private knownHeaders: Headers.Headers | undefined = undefined
  private knownCookies: Cookies.Cookies | undefined = undefined

  constructor(request: HttpClientRequest.HttpClientRequest, exchange: Exchange, unpacking?: Unpacking) {
    super()
    this[HttpClientResponse.TypeId] = HttpClientResponse.TypeId
    this[HttpIncomingMessage.TypeId] = HttpIncomingMessage.TypeId
    this.request = request
    this.exchange = exchange
    this.unpacking = unpacking
  }

  get status(): number {
    return this.exchange.status
  }

  get headers(): Headers.Headers {
    return this.knownHeaders ??= this.unpacking === undefined
      ? headersOf(this.exchange.rawHeaders)
      // of a body that nobody gets to see
      : Headers.remove(headersOf(this.exchange.rawHeaders), ["content-encoding", "content-length"])
  }

  get cookies(): Cookies.Cookies {
    return this.knownCookies ??= Cookies.fromSetCookie(setCookiesOf(this.exchange.rawHeaders))
  }

  get remoteAddress(): Option.Option<string> {
    return Option.some(this.exchange.remoteAddress)
  }

  get text(): Effect.Effect<string, ResponseError> {
    return this.as(textOf)
  }

  get json(): Effect.Effect<unknown, ResponseError> {
    return this.as(jsonOf)
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, ResponseError> {
    return this.as((bytes) => {
      // a copy: the bytes may be a part of a larger buffer
      const copy = new ArrayBuffer(bytes.byteLength)
      new Uint8Array(copy).set(bytes)
      return copy
    })
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, ResponseError> {
    return this.as((bytes) => UrlParams.fromInput(new URLSearchParams(textOf(bytes))))
  }

  get formData(): Effect.Effect<FormData, ResponseError> {
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new Response(bytes, { headers: { "content-type": this.headers["content-type"] ?? "" } }).formData(),
        catch: (cause) => this.undecodable(cause)
      }))
  }

  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    if (this.bodiless) {
      const description = "can not create stream from empty body"
      return Stream.fail(
        new HttpClientError.ResponseError({ request: this.request, response: this, reason: "EmptyBody", description })
      )
    }
    return pieces(this.body, this.exchange.host, (cause) => this.undecodable(cause))
  }

  toJSON(): unknown {
    const known = { _id: "@effect/platform/HttpClientResponse", request: this.request.toJSON(), status: this.status }
    const { body } = this
    // to look at a response must not begin to read it
    return body.ended && !body.consumed
      ? HttpIncomingMessage.inspect(this, known)
      : { ...known, headers: Inspectable.redact(this.headers), remoteAddress: this.remoteAddress.toJSON() }
  }

  /** As it is read. */
  private get body(): Body {
    return this.unpacking === undefined ? this.exchange.body : this.unpacking.body
  }

  /** Responses that cannot have a body, whatever their headers say. */
  private get bodiless(): boolean {
    return this.request.method === "HEAD" || this.status === 204 || this.status === 205 || this.status === 304
  }

  private get bytes(): Effect.Effect<Uint8Array, ResponseError> {
    return Effect.mapError(whole(this.body, this.exchange.host), (cause) => this.undecodable(cause))
  }

  /** Most bodies are whole by now, which needs no more than one step. */
  private as<A>(decode: (bytes: Uint8Array) => A): Effect.Effect<A, ResponseError> {
    return Effect.suspend(() => {
      const { body } = this
      return body.ended && !body.consumed
        ? this.decoded(body.whole(), decode)
        : Effect.flatMap(this.bytes, (bytes) => this.decoded(bytes, decode))
    })
  }

  private decoded<A>(bytes: Uint8Array, decode: (bytes: Uint8Array) => A): Effect.Effect<A, ResponseError> {
    try {
      return Effect.succeed(decode(bytes))
    } catch (cause) {
      return Effect.fail(this.undecodable(cause))
    }
  }

  private undecodable(cause: unknown): ResponseError {
    const description = cause instanceof Error ? cause.message : undefined
    return new HttpClientError.ResponseError({
      request: this.request,
      response: this,
      reason: "Decode",
      cause,
      ...(description === undefined ? undefined : { description })
    })
  }
}

const textOf = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  // the mark at the beginning of some texts is no part of them
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

const jsonOf = (bytes: Uint8Array): unknown => {
  const text = textOf(bytes)
  return text === "" ? null : JSON.parse(text)
}
