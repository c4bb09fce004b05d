/** Where a request goes: its URL, taken apart once and remembered, since programs ask the same URLs again and again. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { RequestInvalid } from "../HttpError.ts"
import * as Origin from "../Origin.ts"
import { withoutCredentials } from "./discreet.ts"

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
  private readonly known = new Map<string, Target>()
  private readonly origins = new Map<string, Origin.Origin>()

  /** The target of a request, or what is wrong with its URL. */
  of(
    request: HttpClientRequest.HttpClientRequest,
    socketPath: string | undefined,
    unixUrls: boolean
  ): Either.Either<Target, RequestInvalid> {
    return Either.filterOrLeft(
      this.find(request, socketPath),
      // Looked at when it has been parsed: what a parser makes of a text is not what it looks like.
      ({ origin }) => unixUrls || origin.socketPath === socketPath,
      ({ url }) => invalid(url.protocol, "http: and https:; http+unix: only where the setting unixUrls is on")
    )
  }

  private find(
    { hash, url, urlParams }: HttpClientRequest.HttpClientRequest,
    socketPath: string | undefined
  ): Either.Either<Target, RequestInvalid> {
    if (urlParams.length > 0 || Option.isSome(hash)) return this.parse(url, urlParams, hash, socketPath)
    const name = socketPath === undefined ? url : `${socketPath}\n${url}`
    const known = this.known.get(name)
    if (known !== undefined) return Either.right(known)
    const target = this.parse(url, urlParams, hash, socketPath)
    if (Either.isRight(target)) {
      if (this.known.size >= most) this.known.clear()
      this.known.set(name, target.right)
    }
    return target
  }

  private parse(
    text: string,
    urlParams: UrlParams.UrlParams,
    hash: Option.Option<string>,
    socketPath: string | undefined
  ): Either.Either<Target, RequestInvalid> {
    const made = UrlParams.makeUrl(text, urlParams, hash)
    // not Node's own error, which holds the URL with its credentials
    if (Either.isLeft(made)) return Either.left(invalid(withoutCredentials(text), "an absolute URL"))
    const url = made.right
    const origin = this.origin(url, socketPath)
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
  private origin(url: URL, socketPath: string | undefined): Origin.Origin | undefined {
    const name = `${url.protocol}//${url.host}\n${socketPath ?? ""}`
    const known = this.origins.get(name)
    if (known !== undefined) return known
    const origin = Origin.fromUrl(url, socketPath)
    if (origin === undefined) return undefined
    if (this.origins.size >= most) this.origins.clear()
    this.origins.set(name, origin)
    return origin
  }
}

const invalid = (value: string, allowed: string): RequestInvalid => new RequestInvalid({ field: "url", value, allowed })

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")}`

/** A percent sign that encodes nothing stands for itself. */
const decoded = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/giu, (bytes) => Buffer.from(bytes.replaceAll("%", ""), "hex").toString())
