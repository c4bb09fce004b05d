// Module by module: a heap full of modules that nobody uses would make every collection dearer.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
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
