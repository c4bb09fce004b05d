/** A sink that posts NDJSON. */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { PooledHttpClient } from "@watertight/http-adapter"
import { Effect } from "effect"
import { ndjson } from "../monitor/Entry.ts"
import { type Sink, SinkFailed } from "./Sink.ts"

/** Any 2xx means that all lines were taken. */
export const make = (url: string): Effect.Effect<Sink, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const shown = withoutSecrets(url)
    const name = `http:${shown}`
    const failed = (reason: string) => new SinkFailed({ sink: name, reason })
    return {
      name,
      deliver: (lines) =>
        client.execute(
          HttpClientRequest.post(url).pipe(
            HttpClientRequest.bodyText(ndjson(lines), "application/x-ndjson")
          )
        ).pipe(
          Effect.mapError(({ cause, message }) => failed(cause instanceof Error ? cause.message : message)),
          Effect.filterOrFail(
            ({ status }) => status >= 200 && status < 300,
            ({ status }) => failed(`status ${status}`)
          ),
          Effect.asVoid,
          PooledHttpClient.withOptions({ acquireTimeout: "5 seconds", totalTimeout: "30 seconds" })
        )
    }
  })

/** A name is shown and stored, so it must not hold what only the request may. */
const withoutSecrets = (url: string): string => {
  const parsed = new URL(url)
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
