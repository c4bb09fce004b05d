/** Apache, which announces in `Keep-Alive: timeout=…, max=…` how long a connection will last. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Part, PartFailed } from "./part.ts"
import { accepts, folder, freePort, isRoot, retryPorts, start as startPart } from "./part.ts"
import * as Site from "./site.ts"

export interface Options {
  /** how long it keeps an idle connection, in seconds */
  readonly keepAliveTimeout?: number
  /** how many requests a connection may carry beyond its first */
  readonly maxKeepAliveRequests?: number
}

/** Paths: `/` (a greeting) and `/big`. */
export interface Apache extends Part {
  readonly origin: string
  readonly port: number
  readonly site: Site.Site
}

const modules = "/usr/lib/apache2/modules"

// Apache refuses to serve as root: its children become somebody without rights, known by number since names differ.
const nobody = "User #65534\nGroup #65534"

const settings = (own: string, site: string, port: number, options: Options) => `
ServerRoot ${own}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${own}/httpd.pid
DefaultRuntimeDir ${own}
ErrorLog /dev/stderr
LogLevel warn
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule dir_module ${modules}/mod_dir.so
${isRoot ? nobody : ""}
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAlive On
KeepAliveTimeout ${options.keepAliveTimeout ?? 60}
MaxKeepAliveRequests ${options.maxKeepAliveRequests ?? 0}
DocumentRoot ${site}
<Directory ${site}>
  Require all granted
</Directory>
`

/** Starts Apache, which ends with the scope. */
export const start = (options: Options = {}): Effect.Effect<Apache, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const site = Site.write(own)
    const file = Path.join(own, "apache.conf")
    Fs.writeFileSync(file, settings(own, site.root, port, options))
    const part = yield* startPart({
      program: "apache2",
      arguments: ["-f", file, "-D", "FOREGROUND"],
      folder: own,
      ready: accepts({ host: "127.0.0.1", port })
    })
    return { ...part, origin: `http://127.0.0.1:${port}`, port, site }
  }))
