/** Where the engine is, read as the docker command line reads it: `DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`. */
import { HttpTls } from "@watertight/http-adapter"
import { Either } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { EndpointInvalid } from "./DockerError.ts"

export interface Endpoint {
  /** how people see it */
  readonly label: string
  /** before every path */
  readonly url: string
  readonly socketPath: string | undefined
  readonly tls: HttpTls.Tls | undefined
  /** the one version to speak; `undefined` to agree on one */
  readonly apiVersion: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

const usualSocket = "/var/run/docker.sock"
const allowed = "unix:///path, tcp://host:port, http://host:port or https://host:port"

/** An engine on a Unix socket. */
export const unix = (socketPath: string, apiVersion?: string): Endpoint => ({
  label: `unix://${socketPath}`,
  url: "http://docker",
  socketPath,
  tls: undefined,
  apiVersion
})

const tcp = (label: string, secure: boolean, environment: Environment): Either.Either<Endpoint, EndpointInvalid> =>
  Either.gen(function*() {
    const invalid = new EndpointInvalid({ field: "DOCKER_HOST", value: label, allowed })
    const authority = label.slice(label.indexOf("://") + 3)
    // "tcp://:2375" is this machine; and of a scheme that it knows, URL would leave out the usual port
    const text = `tcp://${authority.startsWith(":") ? `localhost${authority}` : authority}`
    const parsed = yield* Either.try({ try: () => new URL(text), catch: () => invalid })
    if (parsed.hostname === "" || parsed.username !== "" || parsed.search !== "" || parsed.hash !== "") {
      return yield* Either.left(invalid)
    }
    const port = parsed.port === "" ? (secure ? "2376" : "2375") : parsed.port
    const path = parsed.pathname.replace(/\/$/u, "")
    return {
      label,
      url: `${secure ? "https" : "http"}://${parsed.hostname}:${port}${path}`,
      socketPath: undefined,
      tls: secure ? yield* tlsOf(environment) : undefined,
      apiVersion: environment["DOCKER_API_VERSION"]
    }
  })

/** Any text but the empty one switches it on, "0" as well: so does the command line. */
const isSet = (value: string | undefined): boolean => value !== undefined && value !== ""

const tlsOf = (environment: Environment): Either.Either<HttpTls.TlsFiles, EndpointInvalid> => {
  const given = environment["DOCKER_CERT_PATH"]
  const folder = isSet(given) ? given ?? "" : environment["DOCKER_CONFIG"] ?? Path.join(Os.homedir(), ".docker")
  const file = (name: string): string | undefined => {
    const path = Path.join(folder, name)
    // In a folder that was named they have to be; in the usual one, those that are there are used.
    return isSet(given) || Fs.existsSync(path) ? path : undefined
  }
  const files = { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") }
  const missing = Object.values(files).find((path) => path !== undefined && !Fs.existsSync(path))
  return missing === undefined
    ? Either.right(HttpTls.files({ ...files, rejectUnauthorized: isSet(environment["DOCKER_TLS_VERIFY"]) }))
    : Either.left(
      new EndpointInvalid({
        field: "DOCKER_CERT_PATH",
        value: folder,
        allowed: `a folder with ca.pem, cert.pem and key.pem; ${missing} is not there`
      })
    )
}

/** The engine that the environment names, or the one on the usual socket. */
export const fromEnvironment = (environment: Environment): Either.Either<Endpoint, EndpointInvalid> => {
  const host = environment["DOCKER_HOST"] ?? ""
  const secure = isSet(environment["DOCKER_TLS_VERIFY"]) || isSet(environment["DOCKER_TLS"])
  if (host === "") return Either.right(unix(usualSocket, environment["DOCKER_API_VERSION"]))
  if (host.startsWith("unix:///") && host.length > "unix:///".length) {
    return Either.right(unix(host.slice("unix://".length), environment["DOCKER_API_VERSION"]))
  }
  if (host.startsWith("https://")) return tcp(host, true, environment)
  if (host.startsWith("tcp://")) return tcp(host, secure, environment)
  if (host.startsWith("http://")) return tcp(host, false, environment)
  return Either.left(new EndpointInvalid({ field: "DOCKER_HOST", value: host, allowed }))
}
