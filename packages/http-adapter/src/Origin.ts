/** What makes two connections interchangeable: the key of the pool. */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import { hasProperty } from "effect/Predicate"
import type { HttpProxy } from "./HttpProxy.ts"

const TypeId: unique symbol = Symbol.for("@watertight/http-adapter/Origin")

/** Where a request goes: connections of equal origins serve each other's requests. */
export interface Origin extends Equal.Equal {
  readonly [TypeId]: typeof TypeId
  readonly scheme: "http" | "https"
  /** a name or an address, without brackets */
  readonly host: string
  readonly port: number
  /** the path of the Unix socket that is dialed instead */
  readonly socketPath: string | undefined
  /** the name of the TLS identity, if it is not the usual one of the host */
  readonly identity: string | undefined
  /** what connections go through */
  readonly proxy: HttpProxy | undefined
  /** scheme, host and port as in a URL */
  readonly url: string
  /** how people see it: in stats, events, metrics and errors */
  readonly label: string
}

/** What an origin is made of. */
interface Parts {
  readonly scheme: "http" | "https"
  readonly host: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly identity: string | undefined
  readonly proxy: HttpProxy | undefined
}

class OriginImpl implements Origin {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly scheme: "http" | "https"
  readonly host: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly identity: string | undefined
  readonly proxy: HttpProxy | undefined
  readonly url: string
  readonly label: string
  private readonly hash: number

  constructor({ host, identity, port, proxy, scheme, socketPath }: Parts) {
    this.scheme = scheme
    this.host = host
    this.port = port
    this.socketPath = socketPath
    this.identity = identity
    this.proxy = proxy
    this.url = `${scheme}://${authority(host, port, defaultPort(scheme))}`
    const more = [
      ...(socketPath === undefined ? [] : [`unix:${socketPath}`]),
      ...(identity === undefined ? [] : [`as ${identity}`]),
      ...(proxy === undefined ? [] : [`through ${proxy.label}`])
    ]
    this.label = more.length === 0 ? this.url : `${this.url} (${more.join(", ")})`
    this.hash = Hash.string(this.label)
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return this === that || (
      isOrigin(that) && this.label === that.label &&
      // The label holds all but what must not be shown; and of two texts that look like one, neither may stand for the other.
      this.identity === that.identity && this.socketPath === that.socketPath && Equal.equals(this.proxy, that.proxy)
    )
  }

  [Hash.symbol](): number {
    return this.hash
  }

  toString(): string {
    return this.label
  }

  toJSON(): unknown {
    return { _id: "Origin", label: this.label }
  }
}

const defaultPort = (scheme: "http" | "https"): number => scheme === "http" ? 80 : 443

const authority = (host: string, port: number, usual: number): string => {
  const name = host.includes(":") ? `[${host}]` : host
  return port === usual ? name : `${name}:${port}`
}

/** Whether something is an origin. */
export const isOrigin = (u: unknown): u is Origin => hasProperty(u, TypeId)

/**
 * Makes an origin of its parts.
 *
 * @example
 * import { Origin } from "@watertight/http-adapter"
 *
 * export const docker = Origin.make({ host: "docker", socketPath: "/var/run/docker.sock" })
 */
export const make = (parts: {
  readonly scheme?: "http" | "https" | undefined
  readonly host: string
  readonly port?: number | undefined
  readonly socketPath?: string | undefined
  readonly identity?: string | undefined
  /** of another origin; the pool finds the proxy by its settings where there is none */
  readonly proxy?: HttpProxy | undefined
}): Origin => {
  const scheme = parts.scheme ?? "http"
  const host = parts.host.startsWith("[") ? parts.host.slice(1, -1) : parts.host
  return new OriginImpl({
    scheme,
    host: host.toLowerCase(),
    port: parts.port ?? defaultPort(scheme),
    socketPath: parts.socketPath,
    identity: parts.identity,
    proxy: parts.proxy
  })
}

const schemes: Readonly<Record<string, readonly ["http" | "https", unix: boolean]>> = {
  "http:": ["http", false],
  "https:": ["https", false],
  "http+unix:": ["http", true],
  "https+unix:": ["https", true]
}

/**
 * The origin of a URL; `undefined` for a URL of another scheme. `http+unix://%2Frun%2Fapp.sock/path` names a Unix socket by its
 * percent-encoded path.
 *
 * @example
 * import { Origin } from "@watertight/http-adapter"
 *
 * export const users = Origin.fromUrl("https://users.test:8443/any/path")
 */
export const fromUrl = (url: string | URL, socketPath?: string, identity?: string): Origin | undefined => {
  const parsed = typeof url === "string" ? new URL(url) : url
  const known = schemes[parsed.protocol]
  if (known === undefined) return undefined
  const [scheme, unix] = known
  if (unix) {
    const path = decoded(parsed.hostname)
    return path === undefined || path === ""
      ? undefined
      : make({ scheme, host: "localhost", socketPath: path, identity })
  }
  const port = parsed.port === "" ? undefined : Number(parsed.port)
  return make({ scheme, host: parsed.hostname, port, socketPath, identity })
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
