/** lighttpd, which closes a connection after so many requests or so much idleness, without saying beforehand. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Part, PartFailed } from "./part.ts"
import { accepts, folder, freePort, retryPorts, start as startPart } from "./part.ts"
import * as Site from "./site.ts"

export interface Options {
  /** how many requests a connection may carry beyond its first */
  readonly maxKeepAliveRequests?: number
  /** how long it keeps an idle connection, in seconds */
  readonly maxKeepAliveIdle?: number
}

/** Paths: `/` (a greeting) and `/big`. */
export interface Lighttpd extends Part {
  readonly origin: string
  readonly port: number
  readonly site: Site.Site
}

const settings = (root: string, port: number, options: Options) => `
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${port}
server.max-keep-alive-requests = ${options.maxKeepAliveRequests ?? 1000}
server.max-keep-alive-idle = ${options.maxKeepAliveIdle ?? 60}
index-file.names = ( "index.html" )
`

/** Starts lighttpd, which ends with the scope. */
export const start = (options: Options = {}): Effect.Effect<Lighttpd, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const site = Site.write(own)
    Fs.writeFileSync(Path.join(own, "lighttpd.conf"), settings(site.root, port, options))
    const part = yield* startPart({
      program: "lighttpd",
      arguments: ["-D", "-f", "lighttpd.conf"],
      folder: own,
      ready: accepts({ host: "127.0.0.1", port })
    })
    return { ...part, origin: `http://127.0.0.1:${port}`, port, site }
  }))
