/** Requests as they are shown: in errors and responses, without the credentials of their URLs. PURE. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"

type Request = HttpClientRequest.HttpClientRequest

// With any slashes, or none, as parsers of URLs take them.
const credentials = /^(\s*[a-z][a-z0-9+.-]*:)?[\\/]*[^\\/?#]*@/iu

// A slash in a password is often why a text is no URL, so whatever stands before the last "@" may be one.
const anything = /^(\s*[a-z][a-z0-9+.-]*:)?.*@/isu

export const withoutCredentials = (url: string): string =>
  URL.canParse(url) ? url.replace(credentials, "$1//") : withoutAny(url)

/** The same of a text that is no URL, or not the one that somebody meant. */
export const withoutAny = (text: string): string => text.replace(anything, "$1//")

export const discreet = (request: Request): Request =>
  request.url.includes("@") ? HttpClientRequest.setUrl(request, withoutCredentials(request.url)) : request
