/** How the engine is asked: the version in every path, refusals as errors, and time limits where an answer is due at once. */
import { type HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "@effect/platform"
import { PooledHttpClient } from "@watertight/http-adapter"
import { Effect, Option, Schema, type Scope, Stream } from "effect"
import * as ApiVersion from "./apiVersion.ts"
import * as DockerError from "./DockerError.ts"
import type { Endpoint } from "./Endpoint.ts"
import { Refusal, Version } from "./schemas.ts"
import * as Streams from "./Streams.ts"

type Method = "GET" | "POST" | "DELETE"
export type Params = Readonly<Record<string, string | undefined>>

/** What `/_ping` tells. */
export interface Ping {
  /** the newest version that the engine speaks */
  readonly apiVersion: string | undefined
  readonly server: string | undefined
}

/** The answer of a stream, whose connection ends with the scope. */
export interface Opened {
  readonly contentType: string | undefined
  readonly bytes: Stream.Stream<Uint8Array, DockerError.DockerError>
}

export interface Requests {
  readonly ping: Effect.Effect<Ping, DockerError.DockerError>
  readonly version: Effect.Effect<Version, DockerError.DockerError>
  /** the version that is spoken; agreed on at the first request, and again when the engine has become another one */
  readonly apiVersion: Effect.Effect<string, DockerError.DockerError>
  readonly json: <A, I>(
    schema: Schema.Schema<A, I>,
    path: string,
    params?: Params
  ) => Effect.Effect<A, DockerError.DockerError>
  readonly command: (method: Method, path: string, params?: Params) => Effect.Effect<void, DockerError.DockerError>
  readonly open: (path: string, params: Params) => Effect.Effect<Opened, DockerError.DockerError, Scope.Scope>
  readonly streams: Effect.Effect<Streams.Counts>
}

/** A question is answered at once, or something is wrong. Engines that stop a container take the time that it is given. */
const prompt = PooledHttpClient.withOptions({ responseTimeout: "30 seconds", totalTimeout: "60 seconds" })

export const make = (client: HttpClient.HttpClient, endpoint: Endpoint, maxStreams: number): Requests => {
  const engine = endpoint.label
  const streams = Streams.make(maxStreams)
  let agreed: string | undefined

  const unreachable = (cause: HttpClientError.HttpClientError) => new DockerError.EngineUnreachable({ engine, cause })

  const send = (method: Method, path: string, params: Params) => {
    const request = HttpClientRequest.make(method)(`${endpoint.url}${path}`).pipe(
      HttpClientRequest.setUrlParams(params)
    )
    const options = endpoint.socketPath === undefined ? {} : { socketPath: endpoint.socketPath }
    return client.execute(request).pipe(
      Effect.mapError(unreachable),
      Effect.flatMap((response) => accepted(method, path, response)),
      PooledHttpClient.withOptions(options)
    )
  }

  const accepted = (method: Method, path: string, response: HttpClientResponse.HttpClientResponse) =>
    response.status >= 200 && response.status < 300
      ? Effect.succeed(response)
      : Effect.gen(function*() {
        // 304 has no body
        const body = response.status === 304 ? "" : yield* Effect.mapError(response.text, unreachable)
        const reason = Option.match(Schema.decodeOption(Refusal)(body), {
          onNone: () => body.trim().slice(0, 200),
          onSome: ({ message }) => message
        })
        return yield* DockerError.ofStatus({ engine, request: `${method} ${path}`, status: response.status, reason })
      })

  const decoded = <A, I>(schema: Schema.Schema<A, I>, path: string, params: Params) =>
    send("GET", path, params).pipe(
      Effect.flatMap((response) => Effect.mapError(response.text, unreachable)),
      Effect.flatMap((text) => Schema.decodeUnknown(Schema.parseJson(schema))(text)),
      Effect.catchTag("ParseError", ({ message }) =>
        new DockerError.ResponseInvalid({ engine, request: `GET ${path}`, reason: message })),
      prompt
    )

  const ping = send("GET", "/_ping", {}).pipe(
    // it is two letters long, and read so that its connection is free when this ends
    Effect.tap((response) => Effect.mapError(response.text, unreachable)),
    Effect.map(({ headers }): Ping => ({ apiVersion: headers["api-version"], server: headers["server"] })),
    prompt
  )
  const version = decoded(Version, "/version", {})

  const unsupported = (theirs: string) =>
    new DockerError.VersionUnsupported({ engine, theirs, ours: `${ApiVersion.ours.min} to ${ApiVersion.ours.max}` })

  const agree = Effect.gen(function*() {
    const { apiVersion } = yield* ping
    const max = apiVersion ?? (yield* version).ApiVersion
    // Only an engine that is newer than this client may be too new for it.
    const newer = (ApiVersion.compare(max, ApiVersion.ours.max) ?? 1) > 0
    const min = newer ? (yield* version).MinAPIVersion : undefined
    const chosen = ApiVersion.choose(min === undefined ? { max } : { max, min })
    if (chosen === undefined) return yield* unsupported(min === undefined ? max : `${min} to ${max}`)
    agreed = chosen
    return chosen
  })
  // Several that find out at once come to the same end.
  const apiVersion = Effect.suspend(() => {
    const known = endpoint.apiVersion ?? agreed
    return known === undefined ? agree : Effect.succeed(known)
  })

  const versioned = <A, R>(use: (prefix: string) => Effect.Effect<A, DockerError.DockerError, R>) => {
    const once = Effect.flatMap(apiVersion, (chosen) => use(`/v${chosen}`))
    return Effect.catchTag(once, "Refused", (refused): Effect.Effect<A, DockerError.DockerError, R> => {
      const notSpoken = refused.status === 400 && /client version .* is too (?:new|old)/u.test(refused.reason)
      if (!notSpoken) return Effect.fail(refused)
      if (endpoint.apiVersion !== undefined) return Effect.fail(unsupported(refused.reason))
      // another engine than the one that was asked
      agreed = undefined
      return once
    })
  }

  return {
    ping,
    version,
    apiVersion,
    json: (schema, path, params = {}) => versioned((prefix) => decoded(schema, prefix + path, params)),
    command: (method, path, params = {}) =>
      versioned((prefix) => prompt(Effect.asVoid(send(method, prefix + path, params)))),
    open: (path, params) =>
      versioned((prefix) =>
        Effect.gen(function*() {
          yield* streams.enter
          // The head comes with the first byte, which may take days: no limit of time holds here.
          const response = yield* send("GET", prefix + path, params)
          return {
            contentType: response.headers["content-type"],
            bytes: Stream.mapError(response.stream, unreachable)
          }
        })
      ),
    streams: streams.counts
  }
}
