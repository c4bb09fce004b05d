/** nghttpd: the server of the library that parses HTTP/2 for Node, and nginx, too. With TLS, so many streams on a connection. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { certificates } from "./certificates.ts"
import type { Part, PartFailed } from "./part.ts"
import { accepts, folder, freePort, retryPorts, start as startPart } from "./part.ts"
import * as Site from "./site.ts"

export interface Nghttpd extends Part {
  readonly origin: string
  readonly site: Site.Site
}

/** Starts it, which ends with the scope. */
export const start = (options: { readonly streams: number }): Effect.Effect<Nghttpd, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const { localhost } = yield* certificates
    const file = (name: string) => Path.join(own, name)
    Fs.writeFileSync(file("cert.pem"), localhost.certificate)
    Fs.writeFileSync(file("key.pem"), localhost.key, { mode: 0o600 })
    const site = Site.write(own)
    const settings = ["-d", file("site"), "-a", "127.0.0.1", "-n", "1", "-m", String(options.streams)]
    const part = yield* startPart({
      program: "nghttpd",
      arguments: [...settings, String(port), file("key.pem"), file("cert.pem")],
      folder: own,
      ready: accepts({ host: "127.0.0.1", port })
    })
    return { ...part, origin: `https://127.0.0.1:${port}`, site }
  }))
