/** From the platform's request to the way of one request, and to its span if there is one. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { globalValue } from "effect/GlobalValue"
import type * as HttpError from "../HttpError.ts"
import { discreet } from "./discreet.ts"
import { execute, Way } from "./execute.ts"
import { insideOf, type Service } from "./httpPool.ts"
import { current } from "./requestOptions.ts"
import { Targets } from "./target.ts"
import { isTraced, traced } from "./tracing.ts"

/**
 * Where `HttpClient.withScope` leaves the controller that ends with the scope. The platform does not export it; it is the same
 * object by its name.
 */
const scopedRequests = globalValue(
  "@effect/platform/HttpClient/scopedRequests",
  () => new WeakMap<HttpClientRequest.HttpClientRequest, AbortController>()
)

export const clientOf = (service: Service, built: Context.Context<never>): HttpClient.HttpClient => {
  const inside = insideOf(service)
  const targets = new Targets(inside)
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.withFiberRuntime<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((fiber) => {
        const options = fiber.getFiberRef(current)
        const target = targets.of(request, options)
        if (Either.isLeft(target)) {
          return refuse(request, target.left)
        }
        const denied = inside.gate.denied(target.right.origin)
        if (denied !== undefined) return refuse(request, denied)
        const signal = scopedRequests.get(request)?.signal
        const to = target.right
        return isTraced(fiber, request)
          ? traced(
            fiber,
            built,
            request,
            to,
            (span, headers) => execute(new Way(inside, request, to, options, signal, span, headers))
          )
          : execute(new Way(inside, request, to, options, signal))
      })
    ),
    Effect.succeed
  )
}

/** It is the URL that is wrong, or where it leads, or as whom: to try again would change nothing. */
const refuse = (
  request: HttpClientRequest.HttpClientRequest,
  cause: HttpError.EgressDenied | HttpError.IdentityUnknown | HttpError.RequestInvalid
): Effect.Effect<never, HttpClientError.RequestError> =>
  Effect.fail(
    new HttpClientError.RequestError({
      request: discreet(request),
      reason: cause._tag === "IdentityUnknown" ? "Encode" : "InvalidUrl",
      cause,
      description: cause.message
    })
  )
