/** Requests as they are shown: in errors and responses, without the credentials of their URLs. PURE. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"

type Request = HttpClientRequest.HttpClientRequest

export const discreet = (request: Request): Request =>
  request.url.includes("@")
    ? HttpClientRequest.setUrl(request, request.url.replace(/^([^/?#]*\/\/)[^/?#]*@/u, "$1"))
    : request
