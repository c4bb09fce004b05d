/** squid and tinyproxy: real proxies, with a user or without, that make tunnels. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Part } from "./part.ts"
import { accepts, folder, freePort, isRoot, PartFailed, retryPorts, start as startPart } from "./part.ts"
import { find } from "./programs.ts"

export interface Options {
  /** who may use it; without one, everybody may */
  readonly user?: { readonly name: string; readonly password: string }
  /** the only ports that it makes tunnels to; without them, to all */
  readonly ports?: ReadonlyArray<number>
}

export interface Proxy extends Part {
  readonly port: number
  readonly origin: string
  /** all that it has logged */
  readonly log: () => string
}

const read = (file: string): string => Fs.existsSync(file) ? Fs.readFileSync(file, "utf8") : ""

const starting = (
  program: "squid" | "tinyproxy",
  prepare: (own: string, port: number) => { readonly settings: string; readonly arguments: ReadonlyArray<string> },
  logs: ReadonlyArray<string>
): Effect.Effect<Proxy, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    // squid gives up the rights of root before it writes
    Fs.chmodSync(own, 0o777)
    const port = yield* freePort
    const prepared = yield* Effect.try({
      try: () => prepare(own, port),
      catch: (error) => new PartFailed({ part: program, reason: "its settings", output: String(error) })
    })
    Fs.writeFileSync(Path.join(own, `${program}.conf`), prepared.settings)
    const part = yield* startPart({
      program,
      arguments: prepared.arguments,
      folder: own,
      ready: accepts({ host: "127.0.0.1", port })
    })
    const log = () => logs.map((name) => read(Path.join(own, name))).join("\n")
    return { ...part, port, origin: `http://127.0.0.1:${port}`, log }
  }))

/** Its helper for passwords lies in a folder of the package. */
const helper = (): string =>
  ["/usr/lib/squid", "/usr/lib64/squid", "/usr/libexec/squid"].map((dir) => `${dir}/basic_ncsa_auth`).find(
    Fs.existsSync
  ) ??
    "basic_ncsa_auth"

/** Starts squid, which ends with the scope. */
export const squid = ({ ports, user }: Options = {}): Effect.Effect<Proxy, PartFailed, Scope.Scope> =>
  starting("squid", (own, port) => {
    if (user !== undefined) {
      const hashed = execFileSync(find("openssl") ?? "openssl", ["passwd", "-apr1", user.password], {
        encoding: "utf8"
      })
      Fs.writeFileSync(Path.join(own, "users"), `${user.name}:${hashed}`)
    }
    const settings = [
      `http_port 127.0.0.1:${port}`,
      ...(user === undefined ? [] : [
        `auth_param basic program ${helper()} ${own}/users`,
        "auth_param basic children 1",
        "acl known proxy_auth REQUIRED",
        "http_access deny !known"
      ]),
      ...(ports === undefined ? [] : [`acl open port ${ports.join(" ")}`, "http_access deny CONNECT !open"]),
      "http_access allow all",
      "cache deny all",
      `pid_filename ${own}/squid.pid`,
      `access_log stdio:${own}/access.log`,
      `cache_log ${own}/cache.log`,
      `coredump_dir ${own}`,
      "visible_hostname proxy.test",
      "pinger_enable off",
      "netdb_filename none",
      "hosts_file /etc/hosts",
      "shutdown_lifetime 0 seconds",
      ...(isRoot ? ["cache_effective_user nobody"] : [])
    ]
    return { settings: `${settings.join("\n")}\n`, arguments: ["-N", "-f", `${own}/squid.conf`] }
  }, ["access.log", "cache.log"])

/** Starts tinyproxy, which ends with the scope. */
export const tinyproxy = ({ ports = [], user }: Options = {}): Effect.Effect<Proxy, PartFailed, Scope.Scope> =>
  starting("tinyproxy", (own, port) => {
    const settings = [
      `Port ${port}`,
      "Listen 127.0.0.1",
      "Timeout 60",
      "MaxClients 100",
      `LogFile "${own}/tinyproxy.log"`,
      "LogLevel Connect",
      ...(user === undefined ? [] : [`BasicAuth ${user.name} ${user.password}`]),
      ...ports.map((one) => `ConnectPort ${one}`)
    ]
    return { settings: `${settings.join("\n")}\n`, arguments: ["-d", "-c", `${own}/tinyproxy.conf`] }
  }, ["tinyproxy.log"])
