/** h2o: a server with a parser of HTTP/2 of its own, which says goodbye to a connection that is idle. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { certificates } from "./certificates.ts"
import type { Part, PartFailed } from "./part.ts"
import { accepts, folder, freePort, isRoot, retryPorts, start as startPart } from "./part.ts"
import * as Site from "./site.ts"

export interface H2o extends Part {
  readonly origin: string
  readonly site: Site.Site
}

const settings = (own: string, port: number, idleSeconds: number) => `
listen:
  host: 127.0.0.1
  port: ${port}
  ssl:
    certificate-file: ${own}/cert.pem
    key-file: ${own}/key.pem
num-threads: 1
http2-idle-timeout: ${idleSeconds}
${isRoot ? "user: root" : ""}
hosts:
  default:
    paths:
      "/":
        file.dir: ${own}/site
`

/** Starts it, which ends with the scope. */
export const start = (options: { readonly idleSeconds: number }): Effect.Effect<H2o, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const { localhost } = yield* certificates
    Fs.writeFileSync(Path.join(own, "cert.pem"), localhost.certificate)
    Fs.writeFileSync(Path.join(own, "key.pem"), localhost.key, { mode: 0o600 })
    const site = Site.write(own)
    const file = Path.join(own, "h2o.conf")
    Fs.writeFileSync(file, settings(own, port, options.idleSeconds))
    const part = yield* startPart({
      program: "h2o",
      arguments: ["-c", file],
      folder: own,
      ready: accepts({ host: "127.0.0.1", port })
    })
    return { ...part, origin: `https://127.0.0.1:${port}`, site }
  }))
