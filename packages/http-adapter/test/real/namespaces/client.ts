/** The client, which does what the test asks for, one thing after the other, and says what came of it. */
import { HttpClient } from "@effect/platform"
import { Effect, Either, Layer, ManagedRuntime, Option } from "effect"
import { HttpError, HttpPool, Origin, PooledHttpClient } from "../../../src/index.ts"

/** What the test may ask for. The answer to `get` is a text, or the tag of an error with its message. */
export type Order =
  | { readonly do: "pool"; readonly options: { readonly http2: "always" | "never" } & Record<string, unknown> }
  | { readonly do: "get"; readonly url: string; readonly times: number }
  /** begins them; what comes of them is told by `ends` */
  | { readonly do: "begin"; readonly url: string; readonly times: number }
  | { readonly do: "ends" }
  | { readonly do: "connections"; readonly url: string }

let runtime: ManagedRuntime.ManagedRuntime<HttpClient.HttpClient | HttpPool.HttpPool, unknown> | undefined
let begun: Promise<ReadonlyArray<string>> = Promise.resolve([])

const get = (url: string, times: number): Effect.Effect<ReadonlyArray<string>, never, HttpClient.HttpClient> =>
  Effect.replicateEffect(
    HttpClient.get(url).pipe(
      Effect.flatMap(({ text }) => text),
      Effect.either,
      Effect.map(Either.merge),
      Effect.map((end) => {
        if (typeof end === "string") return end
        const cause = Option.getOrUndefined(HttpError.causeOf(end))
        return cause === undefined ? String(end) : `${cause._tag}: ${cause.message}`
      })
    ),
    times,
    { concurrency: "unbounded" }
  )

const obey = (order: Order): unknown => {
  if (order.do === "pool") {
    runtime = ManagedRuntime.make(Layer.provideMerge(PooledHttpClient.layer, HttpPool.layer(order.options)))
    return "made"
  }
  if (runtime === undefined) return "no pool"
  switch (order.do) {
    case "get":
      return runtime.runPromise(get(order.url, order.times))
    case "begin":
      begun = runtime.runPromise(get(order.url, order.times))
      return "begun"
    case "ends":
      return begun
    case "connections": {
      const origin = Origin.fromUrl(order.url)
      if (origin === undefined) return "no origin"
      return runtime.runPromise(
        Effect.flatMap(
          HttpPool.HttpPool,
          (pool) => Effect.map(pool.hostStats(origin), Option.match({ onNone: () => 0, onSome: ({ total }) => total }))
        )
      )
    }
  }
}

// the test, which knows what may be asked, is the only one that sends
process.on("message", (order: Order) => {
  Promise.resolve(obey(order)).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.(String(error))
  )
})
process.once("disconnect", () => process.exit())
process.send?.("ready")
