/** A proxy as the pool knows it: part of the origin, so that no two proxies, nor two users of one, share a connection. */
import { type PoolError, Settings } from "@watertight/pool"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Redacted from "effect/Redacted"
import type { HttpProxy } from "../HttpProxy.ts"
import type { Tls } from "../HttpTls.ts"
import { basic } from "./basic.ts"
import { withoutAny } from "./discreet.ts"
import { TlsFiles } from "./tlsFiles.ts"
import { contentOf } from "./tlsIdentities.ts"
import { isRecord, plainOf, refuse } from "./tlsPlain.ts"

/** What nobody but the dial looks at. */
interface Hidden {
  /** what goes with CONNECT */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Tls | undefined
  /** a digest of everything */
  readonly content: string
}

export class ProxyImpl implements HttpProxy {
  readonly scheme: "http" | "https"
  readonly host: string
  readonly port: number
  readonly label: string
  readonly #hidden: Hidden

  constructor(url: URL, hidden: Hidden) {
    this.scheme = url.protocol === "https:" ? "https" : "http"
    this.host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname
    this.port = url.port === "" ? (this.scheme === "https" ? 443 : 80) : Number(url.port)
    this.label = `${url.protocol}//${url.hostname}:${this.port}`
    this.#hidden = hidden
  }

  static hidden(proxy: HttpProxy): Hidden {
    if (proxy instanceof ProxyImpl) return proxy.#hidden
    throw new TypeError("not a proxy of this copy of @watertight/http-adapter")
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return this === that || (that instanceof ProxyImpl && this.#hidden.content === that.#hidden.content)
  }

  [Hash.symbol](): number {
    return Hash.string(this.label)
  }

  toString(): string {
    return this.label
  }

  toJSON(): unknown {
    return { _id: "HttpProxy", label: this.label }
  }
}

export const hiddenOf = ProxyImpl.hidden

const names = ["url", "credentials", "headers", "tls", "noProxy"]
const allowedUrl = "the URL of a proxy, http: or https:, with nothing behind host and port"

/** Made of what was given; the list of exceptions is somebody else's. */
export const proxyOf = (given: unknown, field: string): Either.Either<ProxyImpl, PoolError.ConfigInvalid> => {
  const options = isRecord(given) && !Redacted.isRedacted(given) ? given : { url: given }
  return Either.gen(function*() {
    const other = Object.keys(options).find((name) => !names.includes(name))
    if (other !== undefined) {
      yield* refuse(`${field}.${other}`, Settings.kindOf(options[other]), `the options ${names.join(", ")}`)
    }
    const url = yield* urlOf(options["url"], options === given ? `${field}.url` : field)
    const headers = yield* headersOf(options["headers"], `${field}.headers`)
    const authorization = yield* authorizationOf(options["credentials"], url, `${field}.credentials`)
    const all = authorization === undefined ? headers : { "proxy-authorization": authorization, ...headers }
    const tls = options["tls"]
    const identity = tls === undefined ? "" : yield* identityIn(tls, `${field}.tls`)
    url.username = ""
    url.password = ""
    return new ProxyImpl(url, {
      headers: all,
      // its kind was looked at
      tls: tls as Tls | undefined,
      content: contentOf({
        url: url.href,
        identity,
        headers: Object.entries(all).toSorted(([a], [b]) => a < b ? -1 : 1)
      })
    })
  })
}

const identityIn = (tls: unknown, field: string): Either.Either<string, PoolError.ConfigInvalid> =>
  tls instanceof TlsFiles
    ? Either.right(contentOf(Object.fromEntries(
      Object.entries(TlsFiles.optionsOf(tls)).map(([name, value]) => [
        name,
        Redacted.isRedacted(value) ? Redacted.value(value) : value
      ])
    )))
    : Either.map(plainOf(tls, field), contentOf)

const urlOf = (given: unknown, field: string): Either.Either<URL, PoolError.ConfigInvalid> => {
  const text = bare(given)
  if (typeof text !== "string") return refuse(field, Settings.kindOf(text), allowedUrl)
  // as in the variables of other programs
  const whole = /^[a-z][a-z0-9+.-]*:\/\//iu.test(text) ? text : `http://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : undefined
  const known = url?.protocol === "http:" || url?.protocol === "https:"
  return url !== undefined && known && url.hostname !== "" && /^\/?$/u.test(url.pathname + url.search + url.hash)
    ? Either.right(url)
    : refuse(field, Redacted.isRedacted(given) ? Settings.kindOf(text) : withoutAny(whole), allowedUrl)
}

const authorizationOf = (
  given: unknown,
  { password, username }: URL,
  field: string
): Either.Either<string | undefined, PoolError.ConfigInvalid> => {
  if (given === undefined) {
    return Either.right(username === "" && password === "" ? undefined : basic(username, password))
  }
  const name = isRecord(given) ? given["username"] : undefined
  const secret = isRecord(given) ? bare(given["password"]) : undefined
  if (typeof name !== "string" || name.includes(":") || typeof secret !== "string") {
    return refuse(field, Settings.kindOf(given), "a username without a colon, and a password, which may be redacted")
  }
  return Either.right(`Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`)
}

const reserved = new Set(["host", "content-length", "transfer-encoding", "connection", "proxy-connection", "upgrade"])

const headersOf = (
  given: unknown,
  field: string
): Either.Either<Readonly<Record<string, string>>, PoolError.ConfigInvalid> => {
  const headers: Record<string, string> = {}
  if (given === undefined) return Either.right(headers)
  if (!isRecord(given)) return refuse(field, Settings.kindOf(given), "an object with texts, which may be redacted")
  for (const [name, each] of Object.entries(given)) {
    const value = bare(each)
    const lower = name.toLowerCase()
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/u.test(lower) || reserved.has(lower)) {
      return refuse(field, name, `names of headers, but for ${[...reserved].join(", ")}`)
    }
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/u.test(value)) {
      return refuse(
        `${field}.${name}`,
        Settings.kindOf(value),
        "a text of one line in Latin-1, without control characters"
      )
    }
    headers[lower] = value
  }
  return Either.right(headers)
}

const bare = (value: unknown): unknown => Redacted.isRedacted(value) ? Redacted.value(value) : value
