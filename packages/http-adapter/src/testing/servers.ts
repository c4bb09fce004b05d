/** What a test has told its servers, and what they have counted: plain data, changed in synchronous steps. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Origin from "../Origin.ts"
import type { Arrival } from "./arrival.ts"

/** Any application: the services that it needs are a matter of the layer's type. */
export type App = HttpApp.Default<unknown, unknown>

/** How long a server keeps an idle connection, and whether it says so. */
interface KeepAlive {
  readonly millis: number
  readonly announced: boolean
}

/** One server. It is there whether somebody is connected or not. */
export class Server {
  /** under which the scripted network knows it */
  readonly place: string
  readonly hostname: string
  readonly app: App

  delay: Duration.Duration = Duration.zero
  bodyDelay: Duration.Duration = Duration.zero
  cutsBeforeAnswer = 0
  cutsAfterHead = false
  truncatesAt = Infinity
  closesAfterResponse = false
  keepAlive: KeepAlive | undefined = undefined

  readonly requests: Array<Arrival> = []
  checks = 0
  handling = 0
  opened = 0

  private hanging = false
  private readonly latch = Effect.unsafeMakeLatch(true)

  constructor(origin: Origin.Origin, app: App) {
    this.place = placeOf(origin)
    this.hostname = origin.host
    this.app = app
  }

  hang(hanging: boolean): void {
    this.hanging = hanging
    if (hanging) this.latch.unsafeClose()
    else this.latch.unsafeOpen()
  }

  /** Whoever passes hangs there for as long as the server does. */
  readonly awake: Effect.Effect<void> = Effect.suspend(() =>
    // An open latch takes a turn of its own each time, after which a fiber would never think that it is time to yield.
    this.hanging ? Effect.interruptible(this.latch.await) : Effect.void
  )
}

export class Servers {
  readonly all: ReadonlyArray<Server>
  private readonly byPlace: ReadonlyMap<string, Server>

  constructor(hosts: Readonly<Record<string, App>>) {
    this.all = Object.entries(hosts).map(([url, app]) => new Server(originOf(url), app))
    this.byPlace = new Map(this.all.map((server) => [server.place, server]))
    if (this.byPlace.size < this.all.length) throw new TypeError("two applications for one host")
  }

  /** As a test names it. */
  named(url: string): Server {
    const server = this.byPlace.get(placeOf(originOf(url)))
    if (server !== undefined) return server
    throw new TypeError(`there is no host ${url}; there are: ${this.all.map(({ place }) => place).join(", ")}`)
  }

  /** Who is reached by a connection to that origin. */
  reachedBy(origin: Origin.Origin): Server | undefined {
    return this.byPlace.get(placeOf(origin))
  }

  /** A name has addresses whichever port somebody listens on. */
  withName(hostname: string): Server | undefined {
    return this.all.find((server) => server.hostname === hostname)
  }
}

/** A Unix socket leads to the same server, whatever host a URL names. */
const placeOf = (origin: Origin.Origin): string =>
  origin.socketPath === undefined ? origin.url : `${origin.scheme}+unix:${origin.socketPath}`

const originOf = (url: string): Origin.Origin => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const bare = parsed !== undefined && /^\/?$/.test(parsed.pathname + parsed.search + parsed.hash + parsed.username)
  const origin = parsed === undefined || !bare ? undefined : Origin.fromUrl(parsed)
  if (origin === undefined) {
    throw new TypeError(`${JSON.stringify(url)} does not name a host; write it as in "http://users.test"`)
  }
  return origin
}
