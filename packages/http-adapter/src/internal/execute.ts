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
import { Deadline } from "./deadline.ts"
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
import type { Early } from "./settings.ts"
import type { Target } from "./target.ts"
import { acceptFor, unpack } from "./unpacking.ts"

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
  readonly early: Early
  readonly deadline: Deadline | undefined

  constructor(
    way: Way,
    payload: Payload,
    headers: Readonly<Record<string, string>>,
    early: Early,
    deadline: Deadline | undefined
  ) {
    this.way = way
    this.payload = payload
    this.headers = headers
    this.early = early
    this.deadline = deadline
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
  const { inside, options, request, span, target } = way
  let early: Early
  try {
    early = inside.early(target.origin)
  } catch (wrong) {
    // overrides of the program's own
    return Effect.die(wrong)
  }
  const total = options.totalTimeout(early)
  // from here on: what is found out about the request takes no time
  const deadline = total === Infinity ? undefined : new Deadline(inside.keeper, total)
  const invalid = check(request)
  if (invalid !== undefined) return refuse(request, invalid)
  const payload = payloadOf(request.body)
  if (!("kind" in payload)) return refuse(request, payload)
  const accepts = options.decompress(early) && request.headers["accept-encoding"] === undefined
  const more = accepts ? { ...way.traceHeaders, "accept-encoding": acceptFor(request.headers) } : way.traceHeaders
  const headers = headersOf(request, target, payload, more)
  if (headers instanceof HttpError.RequestInvalid) return refuse(request, headers)
  const { acquire } = options
  const task = new Task(way, payload, headers, early, deadline)
  return attempt(task, span === undefined ? acquire : { ...acquire, span }, refusals)
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

/**
 * What may have reached the peer's program is sent again once. What its peer refuses has reached nothing, and a server that says goodbye
 * after some requests may do so on each of its connections in turn.
 */
const refusals = 5

const attempt = (
  task: Task,
  acquire: ConnectionPool.AcquireOptions | undefined,
  replays: number
): Effect.Effect<Response, HttpClientError.RequestError> => {
  const { deadline, early, way: { inside: { keeper, pool }, options, request, signal, target } } = task
  return Effect.catchAll(
    pool.leaseWith(
      target.origin,
      (lease, restore) => {
        const exchange = new Exchange(lease, options.limits(lease.connection.settings), keeper)
        if (signal !== undefined) closeWith(signal, exchange)
        deadline?.limit(exchange)
        return Effect.matchCauseEffect(restore(send(task, exchange)), {
          onSuccess: () => {
            const unpacking = options.decompress(early) ? unpack(exchange, request.method) : undefined
            const response = new PooledResponse(discreet(request), exchange, unpacking)
            return exchange.body.open ? Effect.as(endsWithScope(exchange), response) : Effect.succeed(response)
          },
          onFailure: (cause) => {
            exchange.cancel()
            return Effect.failCause(cause)
          }
        })
      },
      deadline === undefined
        ? acquire
        : { ...acquire, timeout: Math.min(options.acquireTimeout(early), deadline.left) }
    ),
    (error) => {
      if (!(error instanceof Failed)) {
        const late = error._tag === "AcquireTimeout" && deadline?.left === 0
        return fail(request, late ? deadline.passed(target.origin.label, "connection", error) : error)
      }
      return replays > 0 && error.unanswered && options.replay(error.replay) && isSafe(task, error)
        ? error.shared
          // many requests at once: on one connection, which need not be new for each of them
          ? Effect.zipRight(nextTurn, attempt(task, acquire, error.unprocessed ? replays - 1 : 0))
          : attempt(task, { ...acquire, fresh: true }, 0)
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

/** A server that ends closes all its connections: by then we have heard of the others, too. */
const nextTurn = Effect.async<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

/** What the peer is told about the length of the body, if it is told. */
const lengthOf = ({ headers, payload }: Task): number | undefined => {
  const declared = headers["content-length"]
  return declared === undefined ? payload.length : Number(declared)
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])

/** Whether to send it once more can do nothing that sending it once would not have done. */
const isSafe = (
  { headers, payload, way: { request: { method } } }: Task,
  { unprocessed, written }: Failed
): boolean =>
  // a body that nobody has begun to read is as good as new
  written
    ? payload.replayable && (unprocessed || idempotent.has(method) || headers["idempotency-key"] !== undefined)
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
    case "IdentityUnknown":
      return "Encode"
    case "EgressDenied":
      return "InvalidUrl"
    default:
      return "Transport"
  }
}
