/** nginx: plain, on a Unix socket, and with TLS where the name asked for chooses the certificate. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Identity } from "./certificates.ts"
import { certificates } from "./certificates.ts"
import type { Part, PartFailed } from "./part.ts"
import { accepts, folder, freePort, isRoot, retryPorts, start as startPart } from "./part.ts"
import * as Site from "./site.ts"

export interface Options {
  /** how long it keeps an idle connection, such as "2s" */
  readonly keepaliveTimeout?: string
  /** after so many requests it closes a connection, and says so with the last response */
  readonly keepaliveRequests?: number
  readonly bigBytes?: number
  /** speaks HTTP/2 over TLS, so many streams on a connection at once */
  readonly http2Streams?: number
  /** clients of the TLS servers have to show a certificate of the tests' authority */
  readonly clientCertificates?: boolean
  /** what of TLS is spoken, such as "TLSv1.2" */
  readonly tlsProtocol?: string
}

/** What `/echo` answers: how nginx saw the request. */
export interface Echo {
  readonly server: string
  /** the worker process; a reload brings another one */
  readonly worker: number
  /** the serial number of the connection, and which of its requests this was */
  readonly connection: number
  readonly nth: number
  readonly method: string
  readonly uri: string
  readonly host: string
  /** the name asked for in the TLS handshake */
  readonly sni: string
  /** what was agreed on, whether it was resumed ("r") or not ("."), and who the client is */
  readonly tls: string
  readonly resumed: string
  readonly client: string
  /** the request's header `x-test` */
  readonly header: string
}

/** A finished request, from nginx's own log. */
export interface Seen {
  readonly connection: number
  readonly nth: number
  readonly method: string
  readonly uri: string
  readonly status: number
}

/** Paths: `/` (a greeting), `/echo`, `/big`, `/slow` (1 KiB a second). The TLS names: localhost, a.test, b.test. */
export interface Nginx extends Part {
  readonly origin: string
  readonly port: number
  readonly tlsPort: number
  readonly socketPath: string
  readonly site: Site.Site
  readonly seen: Effect.Effect<ReadonlyArray<Seen>>
  /** how many connections have carried a request */
  readonly connections: Effect.Effect<number>
  /** reads its settings again: the old worker closes its idle connections and leaves */
  readonly reload: Effect.Effect<void>
}

const method = `"method":"$request_method","uri":"$request_uri"`

const locations = (name: string) => `
    root site;
    location = /slow { limit_rate 1k; }
    location = /echo {
      default_type application/json;
      return 200 '{"server":"${name}","worker":$pid,"connection":$connection,"nth":$connection_requests,${method},"host":"$host","sni":"$ssl_server_name","tls":"$ssl_protocol","resumed":"$ssl_session_reused","client":"$ssl_client_s_dn","header":"$http_x_test"}';
    }`

const tlsServer = (port: number, serverName: string, file: string, isDefault: boolean, options: Options) => `
  server {
    listen 127.0.0.1:${port} ssl${options.http2Streams === undefined ? "" : " http2"}${
  isDefault ? " default_server" : ""
};
    server_name ${serverName};
    ssl_certificate ${file}.pem;
    ssl_certificate_key ${file}.key;${
  options.clientCertificates === true ? "\n    ssl_client_certificate authority.pem; ssl_verify_client on;" : ""
}${options.tlsProtocol === undefined ? "" : `\n    ssl_protocols ${options.tlsProtocol};`}
    ssl_session_cache shared:tests:1m;${locations(file)}
  }`

const settings = (port: number, tlsPort: number, options: Options) => `
${isRoot ? "user root;" : ""}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  log_format seen '{"connection":$connection,"nth":$connection_requests,${method},"status":$status}';
  access_log access.log seen;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_timeout ${options.keepaliveTimeout ?? "60s"};
  keepalive_requests ${options.keepaliveRequests ?? 1_000_000};
  http2_max_concurrent_streams ${options.http2Streams ?? 128};
  server { listen 127.0.0.1:${port};${locations("plain")}
  }
  server { listen unix:nginx.sock;${locations("unix")}
  }${tlsServer(tlsPort, "localhost", "localhost", true, options)}${tlsServer(tlsPort, "a.test", "a", false, options)}
  ${tlsServer(tlsPort, "b.test", "b", false, options)}
}
`

/** Starts nginx, which ends with the scope. */
export const start = (options: Options = {}): Effect.Effect<Nginx, PartFailed, Scope.Scope> =>
  retryPorts(Effect.gen(function*() {
    const own = yield* folder
    const port = yield* freePort
    const tlsPort = yield* freePort
    const { aTest, authority, bTest, localhost } = yield* certificates
    const file = (name: string) => Path.join(own, name)
    const identities: Record<string, Identity> = { a: aTest, b: bTest, localhost }
    for (const [name, { certificate, key }] of Object.entries(identities)) {
      Fs.writeFileSync(file(`${name}.pem`), certificate)
      Fs.writeFileSync(file(`${name}.key`), key, { mode: 0o600 })
    }
    Fs.writeFileSync(file("authority.pem"), authority)
    const site = Site.write(own, options.bigBytes)
    Fs.writeFileSync(file("nginx.conf"), settings(port, tlsPort, options))
    const part = yield* startPart({
      program: "nginx",
      arguments: ["-p", `${own}/`, "-e", "stderr", "-c", file("nginx.conf")],
      folder: own,
      // It begins to listen on one after the other.
      ready: Effect.map(
        Effect.all([
          accepts({ host: "127.0.0.1", port }),
          accepts({ host: "127.0.0.1", port: tlsPort }),
          accepts({ path: file("nginx.sock") })
        ]),
        (all) => all.every((accepted) => accepted)
      )
    })
    const seen = Effect.sync(() =>
      Fs.readFileSync(file("access.log"), "utf8").split("\n").filter((line) => line !== "").map((line): Seen =>
        // its own log, in the format given above
        JSON.parse(line) as Seen
      )
    )
    return {
      ...part,
      origin: `http://127.0.0.1:${port}`,
      port,
      tlsPort,
      socketPath: file("nginx.sock"),
      site,
      seen,
      connections: Effect.map(seen, (all) => new Set(all.map((one) => one.connection)).size),
      reload: part.signal("SIGHUP")
    }
  }))
