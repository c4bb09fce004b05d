/** The span of a request, with the attributes and the propagation of the platform's own client. */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as Tracer from "effect/Tracer"
import type { Target } from "./target.ts"

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse

export const isTraced = (fiber: Fiber.RuntimeFiber<unknown, unknown>, request: Request): boolean =>
  fiber.getFiberRef(FiberRef.currentTracerEnabled) &&
  !fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request)

export const traced = <E extends HttpClientError.HttpClientError>(
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  built: Context.Context<never>,
  request: Request,
  target: Target,
  run: (request: Request) => Effect.Effect<Response, E>
): Effect.Effect<Response, E> => {
  // What a span is called may be said where the client is used, or where it was built.
  const context = fiber.currentContext.unsafeMap.has(HttpClient.SpanNameGenerator.key) ? fiber.currentContext : built
  const name = Context.get(context, HttpClient.SpanNameGenerator)(request)
  return Effect.useSpan(name, { kind: "client", captureStackTrace: false }, (span) => {
    const redacted = fiber.getFiberRef(Headers.currentRedactedNames)
    describeRequest(span, request, target.url, redacted)
    const propagated = fiber.getFiberRef(HttpClient.currentTracerPropagation)
      ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span))
      : request
    return Effect.map(Effect.withParentSpan(run(propagated), span), (response) => {
      span.attribute("http.response.status_code", response.status)
      describeHeaders(span, "http.response.header", response.headers, redacted)
      return response
    })
  })
}

type Names = Parameters<typeof Headers.redact>[1]

const describeRequest = (span: Tracer.Span, request: Request, url: URL, redacted: Names): void => {
  span.attribute("http.request.method", request.method)
  span.attribute("server.address", url.origin)
  if (url.port !== "") span.attribute("server.port", Number(url.port))
  span.attribute("url.full", url.toString())
  span.attribute("url.path", url.pathname)
  span.attribute("url.scheme", url.protocol.slice(0, -1))
  const query = url.search.slice(1)
  if (query !== "") span.attribute("url.query", query)
  describeHeaders(span, "http.request.header", request.headers, redacted)
}

const describeHeaders = (span: Tracer.Span, prefix: string, headers: Headers.Headers, redacted: Names): void => {
  const shown = Headers.redact(headers, redacted)
  for (const name in shown) span.attribute(`${prefix}.${name}`, String(shown[name]))
}
