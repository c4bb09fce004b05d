/** The way of one request: checked, sent on a borrowed connection, and sent once more where that is safe and of use. */
import type * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type { ConnectionPool } from "@watertight/pool"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { Readable } from "node:stream"
import * as HttpError from "../HttpError.ts"
import { WireRequest } from "./connection.ts"
import { discreet } from "./discreet.ts"
import { Exchange } from "./exchange.ts"
import { endsWithScope } from "./exchangeScope.ts"
import { Failed } from "./failed.ts"
import type { Inside } from "./httpPool.ts"
import { outflow } from "./outflow.ts"
import { type Payload, payloadOf } from "./payload.ts"
import { check, headersOf } from "./requestHead.ts"
import type { RequestOptions } from "./requestOptions.ts"
import { PooledResponse } from "./response.ts"
import type { Target } from "./target.ts"

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse

/** A request with everything that was found out about it. */
export class Way {
  readonly inside: Inside
  readonly request: Request
  readonly target: Target
  readonly options: RequestOptions
  /** ends with the scope that the response belongs to, if there is one */
  readonly signal: AbortSignal | undefined
  readonly span: Tracer.Span | undefined
  readonly traceHeaders: Headers.Headers | undefined

  constructor(
    inside: Inside,
    request: Request,
    target: Target,
    options: RequestOptions,
    signal: AbortSignal | undefined,
    span?: Tracer.Span,
    traceHeaders?: Headers.Headers
  ) {
    this.inside = inside
    this.request = request
    this.target = target
    this.options = options
    this.signal = signal
    this.span = span
    this.traceHeaders = traceHeaders
  }
}

class Task {
  readonly way: Way
  readonly payload: Payload
  readonly headers: Readonly<Record<string, string>>

  constructor(way: Way, payload: Payload, headers: Readonly<Record<string, string>>) {
    this.way = way
    this.payload = payload
    this.headers = headers
  }
}

export const execute = (way: Way): Effect.Effect<Response, HttpClientError.RequestError> => {
  const { body } = way.request
  if (body._tag !== "Raw" || !(body.body instanceof Readable)) return begin(way)
  const readable = body.body
  // It may fail while it waits for a connection, and if there is none, nobody else would end it.
  readable.on("error", constVoid)
  return Effect.onError(begin(way), () => Effect.sync(() => readable.destroy()))
}

const begin = (way: Way): Effect.Effect<Response, HttpClientError.RequestError> => {
  const { options: { acquire }, request, span } = way
  const invalid = check(request)
  if (invalid !== undefined) return refuse(request, invalid)
  const payload = payloadOf(request.body)
  if (!("kind" in payload)) return refuse(request, payload)
  const headers = headersOf(request, way.target, payload, way.traceHeaders)
  if (headers instanceof HttpError.RequestInvalid) return refuse(request, headers)
  return attempt(new Task(way, payload, headers), span === undefined ? acquire : { ...acquire, span }, true)
}

const refuse = (
  request: Request,
  cause: HttpError.RequestBodyFailed | HttpError.RequestInvalid
): Effect.Effect<never, HttpClientError.RequestError> =>
  Effect.fail(
    new HttpClientError.RequestError({
      request: discreet(request),
      reason: "Encode",
      cause,
      description: cause.message
    })
  )

const attempt = (
  task: Task,
  acquire: ConnectionPool.AcquireOptions | undefined,
  mayReplay: boolean
): Effect.Effect<Response, HttpClientError.RequestError> => {
  const { inside: { keeper, pool }, options, request, signal, target } = task.way
  return Effect.catchAll(
    pool.leaseWith(
      target.origin,
      (lease, restore) => {
        const exchange = new Exchange(lease, options.limits(lease.connection.settings), keeper)
        if (signal !== undefined) closeWith(signal, exchange)
        return Effect.matchCauseEffect(restore(send(task, exchange)), {
          onSuccess: () => {
            const response = new PooledResponse(discreet(request), exchange)
            return exchange.body.open ? Effect.as(endsWithScope(exchange), response) : Effect.succeed(response)
          },
          onFailure: (cause) => {
            exchange.cancel()
            return Effect.failCause(cause)
          }
        })
      },
      acquire
    ),
    (error) => {
      if (!(error instanceof Failed)) return fail(request, error)
      return mayReplay && error.unanswered && options.replay(error.replay) && isSafe(task, error.written)
        ? attempt(task, { ...acquire, fresh: true }, false)
        : fail(request, error.error)
    }
  )
}

const send = (task: Task, exchange: Exchange): Effect.Effect<Exchange, Failed> => {
  const { headers, payload, way: { request: { method }, span, target: { path } } } = task
  switch (payload.kind) {
    case "bytes":
      return exchange.run(new WireRequest(method, path, headers, payload.bytes))
    case "readable":
      return exchange.run(new WireRequest(method, path, headers, payload.readable))
    case "stream":
      return Effect.flatMap(Effect.runtime(), (runtime) => {
        const stream = span === undefined
          ? payload.stream
          : Stream.provideService(payload.stream, Tracer.ParentSpan, span)
        return exchange.run(new WireRequest(method, path, headers, outflow(stream, runtime, lengthOf(task))))
      })
  }
}

/** What the peer is told about the length of the body, if it is told. */
const lengthOf = ({ headers, payload }: Task): number | undefined => {
  const declared = headers["content-length"]
  return declared === undefined ? payload.length : Number(declared)
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])

/** Whether to send it once more can do nothing that sending it once would not have done. */
const isSafe = ({ headers, payload, way: { request: { method } } }: Task, written: boolean): boolean =>
  // a body that nobody has begun to read is as good as new
  written
    ? payload.replayable && (idempotent.has(method) || headers["idempotency-key"] !== undefined)
    : payload.kind !== "readable"

/** The scope of `HttpClient.withScope` ends the response, as an `AbortController` that the platform keeps for it. */
const closeWith = (signal: AbortSignal, exchange: Exchange): void => {
  const close = (): void => exchange.close("its scope has closed")
  if (signal.aborted) return close()
  signal.addEventListener("abort", close, { once: true })
  // the scope may go on for long, and must not keep every body that was read in it
  exchange.atEnd(() => signal.removeEventListener("abort", close))
}

const fail = (
  request: Request,
  cause: HttpError.HttpError
): Effect.Effect<never, HttpClientError.RequestError> =>
  Effect.fail(
    new HttpClientError.RequestError({
      request: discreet(request),
      reason: reasonOf(cause),
      cause,
      description: cause.message
    })
  )

/** Only what is `Transport` is tried again by programs that try again. */
const reasonOf = (cause: HttpError.HttpError): "Encode" | "InvalidUrl" | "Transport" => {
  switch (cause._tag) {
    case "RequestInvalid":
    case "RequestBodyFailed":
      return "Encode"
    case "EgressDenied":
      return "InvalidUrl"
    default:
      return "Transport"
  }
}
