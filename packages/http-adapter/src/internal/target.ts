/** Where a request goes: its URL, taken apart once and remembered, since programs ask the same URLs again and again. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { IdentityUnknown, RequestInvalid } from "../HttpError.ts"
import * as Origin from "../Origin.ts"
import { basic } from "./basic.ts"
import { withoutCredentials } from "./discreet.ts"
import type { Inside } from "./httpPool.ts"
import type { RequestOptions } from "./requestOptions.ts"

export interface Target {
  readonly origin: Origin.Origin
  /** with the query, without the fragment */
  readonly path: string
  /** of the credentials in the URL, if there are any */
  readonly authorization: string | undefined
  /** without credentials */
  readonly url: URL
}

/** So many URLs, and so many origins, are remembered; then all are forgotten. */
const most = 2048

export class Targets {
  private readonly inside: Inside
  private readonly known = new Map<string, Target>()
  /** with a socket or an identity */
  private readonly special = new Map<string, Target>()
  private readonly origins = new Map<string, Origin.Origin>()
  /** the settings that the origins were found by */
  private by: unknown = undefined

  constructor(inside: Inside) {
    this.inside = inside
  }

  /** The target of a request, or what is wrong with its URL or its identity. */
  of(
    request: HttpClientRequest.HttpClientRequest,
    { identity, socketPath }: RequestOptions
  ): Either.Either<Target, RequestInvalid | IdentityUnknown> {
    const settings = this.inside.settings()
    if (this.by !== settings) {
      this.by = settings
      this.known.clear()
      this.special.clear()
      this.origins.clear()
    }
    const { identities, unixUrls } = settings
    if (identity !== undefined && !identities.has(identity)) {
      return Either.left(new IdentityUnknown({ identity, known: [...identities.keys()] }))
    }
    return Either.filterOrLeft(
      this.find(request, socketPath, identity),
      // Looked at when it has been parsed: what a parser makes of a text is not what it looks like.
      ({ origin }) => unixUrls || origin.socketPath === socketPath,
      ({ url }) => invalid(url.protocol, "http: and https:; http+unix: only where the setting unixUrls is on")
    )
  }

  private find(
    { hash, url, urlParams }: HttpClientRequest.HttpClientRequest,
    socketPath: string | undefined,
    identity: string | undefined
  ): Either.Either<Target, RequestInvalid> {
    if (urlParams.length > 0 || Option.isSome(hash)) return this.parse(url, urlParams, hash, socketPath, identity)
    const plain = socketPath === undefined && identity === undefined
    // Two maps: a URL, which may come from anybody, must not be taken for another one together with an identity.
    const found = plain ? this.known : this.special
    const name = plain ? url : special(url, socketPath, identity)
    const known = found.get(name)
    if (known !== undefined) return Either.right(known)
    const target = this.parse(url, urlParams, hash, socketPath, identity)
    if (Either.isRight(target)) {
      if (found.size >= most) found.clear()
      found.set(name, target.right)
    }
    return target
  }

  private parse(
    text: string,
    urlParams: UrlParams.UrlParams,
    hash: Option.Option<string>,
    socketPath: string | undefined,
    identity: string | undefined
  ): Either.Either<Target, RequestInvalid> {
    const made = UrlParams.makeUrl(text, urlParams, hash)
    // not Node's own error, which holds the URL with its credentials
    if (Either.isLeft(made)) return Either.left(invalid(withoutCredentials(text), "an absolute URL"))
    const url = made.right
    const origin = this.origin(url, socketPath, identity)
    if (origin === undefined) {
      return Either.left(invalid(url.protocol, "http: and https:, and a path behind http+unix: and https+unix:"))
    }
    const { password, username } = url
    const authorization = username === "" && password === "" ? undefined : basic(username, password)
    url.username = ""
    url.password = ""
    return Either.right({ origin, path: (url.pathname || "/") + url.search, authorization, url })
  }

  /** The same object for the same origin, which makes it quick to find in the pool. */
  private origin(url: URL, socketPath: string | undefined, identity: string | undefined): Origin.Origin | undefined {
    const name = special(`${url.protocol}//${url.host}`, socketPath, identity)
    const known = this.origins.get(name)
    if (known !== undefined) return known
    const bare = Origin.fromUrl(url, socketPath, identity)
    if (bare === undefined) return undefined
    const origin = this.inside.route(bare)
    if (this.origins.size >= most) this.origins.clear()
    this.origins.set(name, origin)
    return origin
  }
}

/** Of different parts it is never the same. */
const special = (url: string, socketPath: string | undefined, identity: string | undefined): string =>
  JSON.stringify([url, socketPath, identity])

const invalid = (value: string, allowed: string): RequestInvalid => new RequestInvalid({ field: "url", value, allowed })
