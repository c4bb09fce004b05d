import { HttpClient, HttpClientRequest } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Fiber, Layer, ManagedRuntime, Stream } from "effect"
import { Agent } from "undici"
import { expectAnswer } from "../answer.ts"
import type { Requests } from "../protocol.ts"
import { type Client, nothingToFinish, type Options, PATIENCE_MILLIS, PAUSE_MILLIS, type Recorder } from "./client.ts"

/** Fibers that call an `HttpClient`, each request built anew, as the platform's documentation shows. */
const loops = (client: HttpClient.HttpClient, work: Requests, recorder: Recorder | undefined) =>
  Effect.suspend(() => {
    const body = work.postBytes > 0 ? new Uint8Array(work.postBytes) : undefined
    let started = 0
    const caller = (url: string) => {
      const request = () =>
        Effect.flatMap(
          body === undefined
            ? client.get(url)
            : client.execute(HttpClientRequest.bodyUint8Array(HttpClientRequest.post(url), body)),
          (response) => response.json
        )
      let start = 0
      return Effect.whileLoop({
        while: () => started < work.requests,
        body() {
          started += 1
          if (recorder !== undefined) start = performance.now()
          return request()
        },
        step(value) {
          expectAnswer(value)
          if (recorder !== undefined) recorder(performance.now() - start)
        }
      })
    }
    const callers = Array.from(
      { length: work.callers },
      (_, index) => caller(work.urls[index % work.urls.length] ?? "")
    )
    return Effect.all(callers, { concurrency: "unbounded", discard: true })
  })

const impatientLoops = (client: HttpClient.HttpClient, dead: NonNullable<Requests["dead"]>, onGivenUp: () => void) => {
  const request = client.get(dead.url).pipe(
    Effect.flatMap((response) => response.json),
    Effect.timeout(PATIENCE_MILLIS),
    Effect.catchAll(() => Effect.sync(onGivenUp)),
    Effect.zipRight(Effect.sleep(PAUSE_MILLIS)),
    Effect.forever
  )
  return Effect.all(Array.from({ length: dead.callers }, () => request), { concurrency: "unbounded", discard: true })
}

const interrupted = (fiber: Fiber.Fiber<unknown, unknown>): Promise<unknown> =>
  Effect.runPromise(Fiber.interrupt(fiber))

export const fromLayer = (layer: Layer.Layer<HttpClient.HttpClient, unknown>, { traced }: Options): Client => {
  const runtime = ManagedRuntime.make(layer)
  const run = <A>(use: (client: HttpClient.HttpClient) => Effect.Effect<A, unknown>): Promise<A> =>
    runtime.runPromise(Effect.withTracerEnabled(Effect.flatMap(HttpClient.HttpClient, use), traced))
  return {
    requests: (work, recorder) =>
      run((client) =>
        Effect.gen(function*() {
          if (work.dead === undefined) return yield* Effect.as(loops(client, work, recorder), nothingToFinish)
          let givenUp = 0
          const dead = yield* Effect.forkDaemon(impatientLoops(client, work.dead, () => {
            givenUp += 1
          }))
          yield* loops(client, work, recorder)
          return () => interrupted(dead).then(() => givenUp)
        })
      ),
    download: (work) =>
      run((client) =>
        Effect.flatMap(client.get(work.url), (response) => {
          let bytes = 0
          const count = (chunk: Uint8Array): void => {
            bytes += chunk.length
          }
          const read = Stream.runForEachChunk(response.stream, (chunks) =>
            Effect.sync(() => {
              for (const chunk of chunks) count(chunk)
            }))
          return Effect.map(read, () => bytes)
        })
      )
  }
}

/** `layerUndici`; its agent is limited, which it is not by default. */
export const layerUndici = (options: Options): Client => {
  const dispatcher = Layer.sync(NodeHttpClient.Dispatcher, () => new Agent({ connections: options.connections }))
  return fromLayer(Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, dispatcher), options)
}

/** `layer`, with an agent that keeps connections. */
export const layerNode = (options: Options): Client => {
  const agent = NodeHttpClient.makeAgentLayer({ keepAlive: true, maxSockets: options.connections })
  return fromLayer(Layer.provide(NodeHttpClient.layerWithoutAgent, agent), options)
}

/** `layer` as it is: a new connection for each request. */
export const layerNodeDefault = (options: Options): Client => fromLayer(NodeHttpClient.layer, options)
