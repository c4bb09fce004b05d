/**
 * Who answers in time: several services at once, of which one is slow and one fails; then a long batch with a progress bar. Run it:
 * `npm run aggregate` in this package.
 */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Aggregator, HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { Console, Effect, Layer, Stream } from "effect"
import type * as Http from "node:http"
import * as Loopback from "./loopback.ts"
import { progressBar } from "./progressBar.ts"

/** A service that says its name, if it says anything. */
const service = (name: string): Http.RequestListener => (_, response) => {
  switch (name) {
    case "slow":
      return // nobody will ever hear of it
    case "failing":
      return response.writeHead(503).end()
    default:
      return response.end(`${name} is well`)
  }
}

const program = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const names = ["users", "prices", "slow", "failing", "stock"]
  const sources = yield* Effect.forEach(
    names,
    (name) =>
      Effect.map(Loopback.serve(service(name)), ({ url }) =>
        Aggregator.source(
          name,
          client.get(url).pipe(Effect.flatMap(HttpClientResponse.filterStatusOk), Effect.flatMap((ok) => ok.text))
        ))
  )

  const answers = yield* Aggregator.fetchAndAggregate(sources, { deadline: "1 second" })
  for (const { name, value } of answers.successes) yield* Console.log(`${name} answered: ${value}`)
  for (const { error, name } of answers.failures) yield* Console.log(`${name} failed: ${error.message.split(" (")[0]}`)
  for (const { name } of answers.cut) yield* Console.log(`${name} was too slow`)

  // whoever is first; the others are interrupted, and their connections closed
  yield* Aggregator.streamResults(sources.filter(({ name }) => name === "slow" || name === "stock")).pipe(
    Stream.take(1),
    Stream.runForEach(({ _tag, name }) => Console.log(`first: ${name} (${_tag})`))
  )

  const well = yield* Loopback.serve(service("users"))
  const batch = yield* Aggregator.processBatch(
    Array.from({ length: 500 }, (_, id) => id),
    (id) => Effect.flatMap(client.get(`${well.url}/${id}`), (response) => response.text),
    { concurrency: 8, onProgress: progressBar(process.stdout) }
  )
  yield* Console.log(`batch: ${batch.successes.length} of 500 over ${well.accepted()} connections`)

  const pool = yield* HttpPool.HttpPool
  yield* Console.log(`the pool: ${(yield* pool.stats).active} requests under way`)
})

const HttpLive = Layer.provideMerge(PooledHttpClient.layer, HttpPool.layer({ maxConnectionsPerHost: 8 }))

NodeRuntime.runMain(Effect.scoped(Effect.provide(program, HttpLive)))
