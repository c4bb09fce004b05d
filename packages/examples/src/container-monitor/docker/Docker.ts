/** A client of container engines that speak Docker's API, on a pool of connections of its own. */
import { HttpClient } from "@effect/platform"
import { type HttpAdapterConfig, HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { type DockerError, ResponseInvalid } from "./DockerError.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { LogLine } from "./lines.ts"
import * as Logs from "./logs.ts"
import * as Requests from "./requests.ts"
import { Container, ContainerSummary, EngineEvent, type Version } from "./schemas.ts"
import type { Counts } from "./Streams.ts"
import * as Timestamp from "./timestamp.ts"

/** What is asked for, in the words of the API: `{ label: ["app=web"], status: ["running"] }`. */
export type Filters = Readonly<Record<string, ReadonlyArray<string>>>

export interface LogOptions {
  readonly follow?: boolean | undefined
  /** at this time or later */
  readonly since?: Timestamp.Nanos | undefined
  readonly until?: Timestamp.Nanos | undefined
  /** only so many lines of the end */
  readonly tail?: number | undefined
  /** by default yes */
  readonly timestamps?: boolean | undefined
  readonly stdout?: boolean | undefined
  readonly stderr?: boolean | undefined
  /** whether the container has a terminal; the engine is asked where this is not given */
  readonly tty?: boolean | undefined
}

export interface Service {
  readonly endpoint: Endpoint
  readonly ping: Effect.Effect<Requests.Ping, DockerError>
  readonly version: Effect.Effect<Version, DockerError>
  readonly apiVersion: Effect.Effect<string, DockerError>
  readonly containers: (
    options?: { readonly all?: boolean | undefined; readonly filters?: Filters | undefined }
  ) => Effect.Effect<ReadonlyArray<ContainerSummary>, DockerError>
  readonly inspect: (id: string) => Effect.Effect<Container, DockerError>
  /** Fails with `NotModified` where it runs already. */
  readonly start: (id: string) => Effect.Effect<void, DockerError>
  /** Fails with `NotModified` where it does not run. */
  readonly stop: (id: string, patienceSeconds?: number) => Effect.Effect<void, DockerError>
  readonly remove: (id: string) => Effect.Effect<void, DockerError>
  /** Without end, as long as the engine runs. */
  readonly events: (
    options?: {
      readonly filters?: Filters | undefined
      readonly since?: Timestamp.Nanos | undefined
      readonly until?: Timestamp.Nanos | undefined
    }
  ) => Stream.Stream<EngineEvent, DockerError>
  /**
   * The stream owns its connection: however it ends, the connection is given back or closed by then. It ends without an error when the
   * container stops, and as well when the engine does.
   */
  readonly logs: (id: string, options?: LogOptions) => Stream.Stream<LogLine, DockerError>
  /** The streams of logs and events that are open now. */
  readonly streams: Effect.Effect<Counts>
}

export class Docker extends Context.Tag("@watertight/examples/Docker")<Docker, Service>() {}

/** Connections that streams leave to questions. */
const reserved = 5

/** The settings of a client for container engines. */
const settings = {
  maxIdle: 100,
  maxIdlePerHost: 10,
  maxConnectionsPerHost: 50,
  idleTimeout: "90 seconds",
  tcpKeepAlive: "30 seconds",
  healthCheckPath: "/_ping",
  healthCheckMethod: "GET",
  // Logs are followed for as long as containers live, and that is no leak;
  leakThreshold: Infinity,
  // and one that is left has no end that could be waited for.
  drainLimit: 0,
  // There is one engine: who waits for it wants to know soon that it is back.
  breaker: { failures: 5, openFor: "1 second", probes: 1 }
} satisfies Partial<HttpAdapterConfig.Options>

const filtersOf = (filters: Filters | undefined): string | undefined =>
  filters === undefined ? undefined : JSON.stringify(filters)

const since = (nanos: Timestamp.Nanos | undefined): string | undefined =>
  nanos === undefined ? undefined : Timestamp.inSeconds(nanos)

const make = (endpoint: Endpoint, maxStreams: number): Effect.Effect<Service, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const requests = Requests.make(client, endpoint, maxStreams)
    const of = (id: string, what: string): string => `/containers/${encodeURIComponent(id)}${what}`
    const inspect = (id: string) => requests.json(Container, of(id, "/json"))

    const events: Service["events"] = (options = {}) =>
      Stream.unwrapScoped(Effect.map(
        requests.open("/events", {
          filters: filtersOf(options.filters),
          since: since(options.since),
          until: since(options.until)
        }),
        ({ bytes }) =>
          bytes.pipe(
            Stream.decodeText(),
            Stream.splitLines,
            Stream.filter((line) => line.trim() !== ""),
            Stream.mapEffect((line) =>
              Effect.mapError(
                Schema.decode(Schema.parseJson(EngineEvent))(line),
                ({ message }) =>
                  new ResponseInvalid({ engine: endpoint.label, request: "GET /events", reason: message })
              )
            )
          )
      ))

    const logs: Service["logs"] = (id, options = {}) =>
      Stream.unwrapScoped(Effect.gen(function*() {
        const { follow = false, stderr = true, stdout = true, timestamps = true } = options
        const tty = options.tty ?? (yield* inspect(id)).Config.Tty
        const path = of(id, "/logs")
        const { bytes, contentType } = yield* requests.open(path, {
          follow: String(follow),
          stdout: String(stdout),
          stderr: String(stderr),
          timestamps: String(timestamps),
          since: since(options.since),
          until: since(options.until),
          tail: options.tail === undefined ? undefined : String(options.tail)
        })
        const form = { tty: Logs.isRaw(contentType, tty), timestamps, keepRest: !follow }
        return Logs.decode(bytes, form, { engine: endpoint.label, request: `GET ${path}` })
      }))

    return {
      endpoint,
      ping: requests.ping,
      version: requests.version,
      apiVersion: requests.apiVersion,
      containers: ({ all = false, filters } = {}) =>
        requests.json(Schema.Array(ContainerSummary), "/containers/json", {
          all: String(all),
          filters: filtersOf(filters)
        }),
      inspect,
      start: (id) => requests.command("POST", of(id, "/start")),
      stop: (id, patience) =>
        requests.command("POST", of(id, "/stop"), { t: patience === undefined ? undefined : String(patience) }),
      remove: (id) => requests.command("DELETE", of(id, ""), { force: "true" }),
      events,
      logs,
      streams: requests.streams
    }
  })

/** The client and its pool: one of each for every time that the layer is built, whoever shares it. */
export const layer = (endpoint: Endpoint, own: Partial<HttpAdapterConfig.Options> = {}) => {
  const { maxConnectionsPerHost, ...others } = { ...settings, ...own }
  const tls = endpoint.tls === undefined ? {} : { tls: endpoint.tls }
  const pool = HttpPool.layer({ ...others, ...tls, maxConnectionsPerHost })
  return Layer.effect(Docker, make(endpoint, Math.max(1, maxConnectionsPerHost - reserved))).pipe(
    Layer.provide(PooledHttpClient.layer),
    Layer.provideMerge(pool)
  )
}
