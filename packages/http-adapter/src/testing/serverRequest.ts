/** The platform's view of a request, as the application gets it. */
import * as Cookies from "@effect/platform/Cookies"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Headers from "@effect/platform/Headers"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import { RequestError } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Multipart from "@effect/platform/Multipart"
import type * as Path from "@effect/platform/Path"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import type { ReadonlyRecord } from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Arrival } from "./arrival.ts"
import type { Upload } from "./upload.ts"

/** What middleware may put in place of what arrived. */
interface Instead {
  readonly url?: string | undefined
  readonly headers?: Headers.Headers | undefined
  readonly remoteAddress?: string | undefined
}

export class TestServerRequest extends Inspectable.Class implements HttpServerRequest.HttpServerRequest {
  readonly [HttpServerRequest.TypeId]: HttpServerRequest.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId
  readonly source: Arrival
  private readonly upload: Upload
  private readonly instead: Instead

  constructor(arrival: Arrival, upload: Upload, instead: Instead = {}) {
    super()
    this[HttpServerRequest.TypeId] = HttpServerRequest.TypeId
    this[HttpIncomingMessage.TypeId] = HttpIncomingMessage.TypeId
    this.source = arrival
    this.upload = upload
    this.instead = instead
  }

  modify(instead: Instead): TestServerRequest {
    return new TestServerRequest(this.source, this.upload, {
      url: instead.url ?? this.instead.url,
      headers: instead.headers ?? this.instead.headers,
      remoteAddress: instead.remoteAddress ?? this.instead.remoteAddress
    })
  }

  get method(): HttpMethod {
    return this.source.method.toUpperCase() as HttpMethod // any token, on a server of Node's as well
  }

  get url(): string {
    return this.instead.url ?? this.originalUrl
  }

  get originalUrl(): string {
    return this.source.path
  }

  get headers(): Headers.Headers {
    return this.instead.headers ?? this.source.headers
  }

  get cookies(): ReadonlyRecord<string, string> {
    return Cookies.parseHeader(this.headers["cookie"] ?? "")
  }

  get remoteAddress(): Option.Option<string> {
    return Option.some(this.instead.remoteAddress ?? "127.0.0.1")
  }

  get stream(): Stream.Stream<Uint8Array, RequestError> {
    return Stream.mapError(this.upload.pieces, (cause) => this.undecodable(cause))
  }

  get text(): Effect.Effect<string, RequestError> {
    return Effect.map(this.bytes, (bytes) => Buffer.from(bytes).toString())
  }

  get json(): Effect.Effect<unknown, RequestError> {
    return this.decoded((text) => text === "" ? null : JSON.parse(text) as unknown)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, RequestError> {
    return this.decoded((text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, RequestError> {
    return Effect.map(this.bytes, (bytes) => {
      const copy = new ArrayBuffer(bytes.byteLength)
      new Uint8Array(copy).set(bytes)
      return copy
    })
  }

  get multipart(): Effect.Effect<
    Multipart.Persisted,
    Multipart.MultipartError,
    Scope.Scope | FileSystem.FileSystem | Path.Path
  > {
    return Multipart.toPersisted(this.multipartStream)
  }

  get multipartStream(): Stream.Stream<Multipart.Part, Multipart.MultipartError> {
    return Stream.pipeThroughChannel(
      Stream.mapError(this.stream, (cause) => new Multipart.MultipartError({ reason: "InternalError", cause })),
      Multipart.makeChannel(this.headers)
    )
  }

  get upgrade(): Effect.Effect<never, RequestError> {
    const description = "a test's connection cannot be upgraded"
    return Effect.fail(new RequestError({ request: this, reason: "Decode", description }))
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "@effect/platform/HttpServerRequest",
      method: this.method,
      url: this.originalUrl
    })
  }

  private get bytes(): Effect.Effect<Uint8Array, RequestError> {
    return Effect.mapError(this.upload.whole, (cause) => this.undecodable(cause))
  }

  private decoded<A>(decode: (text: string) => A): Effect.Effect<A, RequestError> {
    return Effect.flatMap(
      this.text,
      (text) => Effect.try({ try: () => decode(text), catch: (cause) => this.undecodable(cause) })
    )
  }

  private undecodable(cause: unknown): RequestError {
    return new RequestError({ request: this, reason: "Decode", cause })
  }
}
