/**
 * The span of a request, with the attributes and the propagation of the platform's own client. It costs several times what
 * the request itself costs, so nothing here is done twice, and nothing at all when nobody traces.
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
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
type Names = ReadonlyArray<string | RegExp>

export const isTraced = (fiber: Fiber.RuntimeFiber<unknown, unknown>, request: Request): boolean =>
  fiber.getFiberRef(FiberRef.currentTracerEnabled) &&
  !fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request)

/** Runs a request in its span, and hands it the headers that tell the peer about the span. */
export const traced = <E extends HttpClientError.HttpClientError>(
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  built: Context.Context<never>,
  request: Request,
  target: Target,
  run: (span: Tracer.Span, headers: Headers.Headers | undefined) => Effect.Effect<Response, E>
): Effect.Effect<Response, E> => {
  // What a span is called may be said where the client is used, or where it was built.
  const context = fiber.currentContext.unsafeMap.has(HttpClient.SpanNameGenerator.key) ? fiber.currentContext : built
  const name = Context.get(context, HttpClient.SpanNameGenerator)(request)
  // A span keeps what it ended with, and exporters keep spans: so it ends with nothing, and the response goes past it.
  let response: Response | undefined
  const inSpan = Effect.useSpan(name, { kind: "client", captureStackTrace: false }, (span) => {
    const redacted = namesOf(fiber.getFiberRef(Headers.currentRedactedNames))
    span.attribute("http.request.method", request.method)
    for (const [attribute, value] of attributesOf(target)) span.attribute(attribute, value)
    describe(span, "http.request.header.", request.headers, redacted)
    const propagated = fiber.getFiberRef(HttpClient.currentTracerPropagation)
    return Effect.map(run(span, propagated ? HttpTraceContext.toHeaders(span) : undefined), (answer) => {
      span.attribute("http.response.status_code", answer.status)
      describe(span, "http.response.header.", answer.headers, redacted)
      response = answer
    })
  })
  // it succeeded, so there is one
  return Effect.map(inSpan, () => response as Response)
}

const namesOf = (names: string | RegExp | Names): Names =>
  typeof names === "string" || names instanceof RegExp ? [names] : names

type Attributes = ReadonlyArray<readonly [string, unknown]>

const known = new WeakMap<Target, Attributes>()

/** Targets are remembered, so their attributes are as well. */
const attributesOf = (target: Target): Attributes => {
  const before = known.get(target)
  if (before !== undefined) return before
  const { url } = target
  const query = url.search.slice(1)
  const attributes: Attributes = [
    ["server.address", url.origin],
    ...(url.port === "" ? [] : [["server.port", Number(url.port)] as const]),
    ["url.full", url.toString()],
    ["url.path", url.pathname],
    ["url.scheme", url.protocol.slice(0, -1)],
    ...(query === "" ? [] : [["url.query", query] as const])
  ]
  known.set(target, attributes)
  return attributes
}

const describe = (span: Tracer.Span, prefix: string, headers: Headers.Headers, redacted: Names): void => {
  for (const name in headers) span.attribute(prefix + name, isSecret(name, redacted) ? "<redacted>" : headers[name])
}

const isSecret = (name: string, redacted: Names): boolean => {
  for (const one of redacted) {
    if (typeof one === "string" ? one === name || one.toLowerCase() === name : one.test(name)) return true
  }
  return false
}
