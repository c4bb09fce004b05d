/** The way of one request: checked, sent on a borrowed connection, and sent once more where that is safe and of use. */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type { ConnectionPool, Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import * as HttpError from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { Wire, WireRequest } from "./connection.ts"
import { Exchange, Failed } from "./exchange.ts"
import { outflow } from "./outflow.ts"
import { type Payload, payloadOf } from "./payload.ts"
import { check, headersOf } from "./requestHead.ts"
import type { RequestOptions } from "./requestOptions.ts"
import { PooledResponse } from "./response.ts"
import type { Target } from "./target.ts"

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse

export interface Means {
  readonly pool: ConnectionPool.ConnectionPool<Origin, Wire, HttpError.ConnectError>
  readonly keeper: Timekeeper.Timekeeper
}

/** What is under way besides the request itself. */
interface Task {
  readonly means: Means
  readonly request: Request
  readonly target: Target
  readonly options: RequestOptions
  readonly signal: AbortSignal | undefined
  readonly payload: Payload
  readonly headers: Readonly<Record<string, string>>
}

export const execute = (
  means: Means,
  request: Request,
  target: Target,
  options: RequestOptions,
  signal: AbortSignal | undefined
): Effect.Effect<Response, HttpClientError.RequestError> => {
  const invalid = check(request)
  if (invalid !== undefined) return refuse(request, invalid)
  const payload = payloadOf(request.body)
  if (payload instanceof HttpError.RequestInvalid) return refuse(request, payload)
  const headers = headersOf(request, target, payload)
  if (headers instanceof HttpError.RequestInvalid) return refuse(request, headers)
  return attempt({ means, request, target, options, signal, payload, headers }, options.acquire, true)
}

const refuse = (
  request: Request,
  cause: HttpError.RequestInvalid
): Effect.Effect<never, HttpClientError.RequestError> =>
  Effect.fail(new HttpClientError.RequestError({ request, reason: "Encode", cause, description: cause.message }))

const attempt = (
  task: Task,
  acquire: ConnectionPool.AcquireOptions | undefined,
  mayReplay: boolean
): Effect.Effect<Response, HttpClientError.RequestError> => {
  const { means: { keeper, pool }, options, request } = task
  return Effect.catchAll(
    pool.leaseWith(
      task.target.origin,
      (lease, restore) => {
        const exchange = new Exchange(lease, options.limits(lease.connection.settings), keeper)
        return Effect.matchCauseEffect(restore(send(task, exchange)), {
          onSuccess: () => {
            if (task.signal !== undefined) closeWith(task.signal, exchange)
            return Effect.succeed(new PooledResponse(request, exchange))
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
  const { headers, payload, request: { method }, target: { path } } = task
  switch (payload.kind) {
    case "bytes":
      return exchange.run({ method, path, headers, body: payload.bytes })
    case "readable":
      return exchange.run({ method, path, headers, body: payload.readable })
    case "stream":
      return Effect.flatMap(Effect.runtime(), (runtime) => {
        const body: WireRequest["body"] = outflow(payload.stream, runtime)
        return exchange.run({ method, path, headers, body })
      })
  }
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])

/** Whether to send it once more can do nothing that sending it once would not have done. */
const isSafe = ({ headers, payload, request: { method } }: Task, written: boolean): boolean =>
  // a body that nobody has begun to read is as good as new
  written
    ? payload.replayable && (idempotent.has(method) || headers["idempotency-key"] !== undefined)
    : payload.kind !== "readable"

/** The scope of `HttpClient.withScope` ends the response, as an `AbortController` that the platform keeps for it. */
const closeWith = (signal: AbortSignal, exchange: Exchange): void => {
  const close = (): void => exchange.close("its scope has closed")
  if (signal.aborted) close()
  else signal.addEventListener("abort", close, { once: true })
}

const fail = (
  request: Request,
  cause: HttpError.HttpError
): Effect.Effect<never, HttpClientError.RequestError> =>
  Effect.fail(
    new HttpClientError.RequestError({ request, reason: reasonOf(cause), cause, description: cause.message })
  )

const reasonOf = (cause: HttpError.HttpError): "Encode" | "Transport" =>
  cause._tag === "RequestInvalid" || cause._tag === "RequestBodyFailed" ? "Encode" : "Transport"
