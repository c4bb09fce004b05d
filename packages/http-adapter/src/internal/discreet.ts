/** Requests as they are shown: in errors and responses, without the credentials of their URLs. PURE. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"

type Request = HttpClientRequest.HttpClientRequest

// With any slashes, or none, as parsers of URLs take them.
const credentials = /^(\s*[a-z][a-z0-9+.-]*:)?[\\/]*[^\\/?#]*@/iu

export const withoutCredentials = (url: string): string => url.replace(credentials, "$1//")

export const discreet = (request: Request): Request =>
  request.url.includes("@") ? HttpClientRequest.setUrl(request, withoutCredentials(request.url)) : request
