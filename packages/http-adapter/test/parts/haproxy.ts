/** haproxy in front of servers of the test, plain and with TLS, and told by its admin socket what to do with them. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { text } from "node:stream/consumers"
import { certificates } from "./certificates.ts"
import type { Part } from "./part.ts"
import { folder, freePort, PartFailed, retryPorts, start as startPart } from "./part.ts"

export interface Options {
  /** the servers behind it, by name: their ports */
  readonly servers: Readonly<Record<string, number>>
  /** how long it keeps an idle connection of a client, such as "2s" */
  readonly keepAliveTimeout?: string
  /** speaks HTTP/2 over TLS */
  readonly http2?: boolean
}

export interface Haproxy extends Part {
  readonly origin: string
  readonly port: number
  readonly tlsPort: number
  /** a command on the admin socket, and its answer */
  readonly admin: (command: string) => Effect.Effect<string, PartFailed>
  /** takes a server out of service and back; haproxy has done it when this returns */
  readonly set: (server: string, state: "maint" | "drain" | "ready") => Effect.Effect<void, PartFailed>
  /** how many connections of clients are open now, on the plain and the TLS port together */
  readonly openConnections: Effect.Effect<number, PartFailed>
  /** how many there have been */
  readonly connections: Effect.Effect<number, PartFailed>
}

const settings = (own: string, port: number, tlsPort: number, options: Options) => `
global
  stats socket ${own}/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive ${options.keepAliveTimeout ?? "60s"}
frontend front
  bind 127.0.0.1:${port}
  bind 127.0.0.1:${tlsPort} ssl crt both.pem alpn ${options.http2 === true ? "h2," : ""}http/1.1
  default_backend servers
backend servers
  balance roundrobin
${Object.entries(options.servers).map(([name, to]) => `  server ${name} 127.0.0.1:${to}`).join("\n")}
`

const ask = (path: string, command: string): Effect.Effect<string, PartFailed> =>
  Effect.tryPromise({
    try: async () => {
      const socket = Net.connect({ path })
      socket.end(`${command}\n`)
      return text(socket)
    },
    catch: (error) => new PartFailed({ part: "haproxy", reason: `admin: ${command}`, output: String(error) })
  })

/** Starts haproxy, which ends with the scope. */
export const start = (options: Options): Effect.Effect<Haproxy, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const tlsPort = yield* freePort
    const { localhost } = yield* certificates
    const file = (name: string) => Path.join(own, name)
    Fs.writeFileSync(file("both.pem"), localhost.certificate + localhost.key, { mode: 0o600 })
    Fs.writeFileSync(file("haproxy.cfg"), settings(own, port, tlsPort, options))
    const part = yield* startPart({
      program: "haproxy",
      arguments: ["-db", "-f", "haproxy.cfg"],
      folder: own,
      // Not by its ports: what it counts shall be the test's connections alone. It answers once all of them are open.
      ready: Effect.map(ask(file("admin.sock"), "show info"), (answer) => answer.includes("Pid:"))
    })
    const admin = (command: string) => Effect.map(ask(file("admin.sock"), command), (answer) => answer.trim())
    // The fields are named in the first line: "# pxname,svname,...,scur,...,stot,..."
    const statistic = (name: string) =>
      Effect.map(admin("show stat"), (all) => {
        const [header = "", ...rows] = all.split("\n").map((line) => line.replace(/^# /u, ""))
        const row = rows.find((one) => one.startsWith("front,FRONTEND,")) ?? ""
        return Number(row.split(",")[header.split(",").indexOf(name)])
      })
    return {
      ...part,
      origin: `http://127.0.0.1:${port}`,
      port,
      tlsPort,
      admin,
      set: (server, state) =>
        Effect.flatMap(admin(`set server servers/${server} state ${state}`), (answer) =>
          answer === ""
            ? Effect.void
            : new PartFailed({ part: "haproxy", reason: `set ${server} ${state}`, output: answer })),
      openConnections: statistic("scur"),
      connections: statistic("stot")
    }
  }))
