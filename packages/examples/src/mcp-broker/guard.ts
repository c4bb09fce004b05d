/** Who may call the broker: those who call it by its name, from no foreign page, and with the token if there is one. PURE. */
import { Redacted } from "effect"
import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import type { FrontConfig } from "./config.ts"

/** Why somebody is sent away. */
export interface Turned {
  readonly status: 401 | 403
  readonly reason: string
}

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]", "::1"])

export const isLoopback = (host: string): boolean => loopback.has(host) || /^127(\.\d{1,3}){3}$/.test(host)

/** The name in a `Host` header, without its port. */
const nameOf = (host: string): string => host.replace(/:\d+$/, "").toLowerCase()

/**
 * A page that made a name of its own point to the loopback, to reach what listens there, still calls by that name; and a browser says
 * from which page a call comes.
 */
export const turned = (headers: IncomingHttpHeaders, config: FrontConfig, open: boolean): Turned | undefined => {
  const { host = "", origin } = headers
  const name = nameOf(host)
  if (!isLoopback(name) && name !== config.host && !config.allowedHosts.some((one) => one === host || one === name)) {
    return { status: 403, reason: "the Host of the request is not one of the broker's" }
  }
  if (origin !== undefined && !isFriend(origin, config)) {
    return { status: 403, reason: "pages of this Origin may not call the broker" }
  }
  if (open || config.token === undefined || isToken(headers.authorization, config.token)) return undefined
  return { status: 401, reason: "the request has no token, or another one" }
}

export const isFriend = (origin: string, { allowedOrigins }: FrontConfig): boolean => {
  if (allowedOrigins.includes(origin)) return true
  const { hostname } = URL.canParse(origin) ? new URL(origin) : { hostname: "" }
  return isLoopback(hostname)
}

/** Compared as hashes, so that the time it takes says nothing about the token. */
const isToken = (authorization: string | undefined, token: Redacted.Redacted<string>): boolean => {
  const hash = (text: string) => createHash("sha256").update(text).digest()
  return timingSafeEqual(hash(authorization ?? ""), hash(`Bearer ${Redacted.value(token)}`))
}
