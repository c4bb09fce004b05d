/** An application like many: it asks another service, does not wait for it for long, and makes do without. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Effect, Schema } from "effect"

const Price = Schema.Struct({ item: Schema.String, cents: Schema.Int })

/** The price of an item in cents; `undefined` when the service cannot tell in time. */
export const priceOf = (item: string): Effect.Effect<number | undefined, never, HttpClient.HttpClient> =>
  HttpClient.get(`http://prices.test/${item}`).pipe(
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Price)),
    Effect.map(({ cents }) => cents),
    Effect.timeout("2 seconds"),
    Effect.orElseSucceed(() => undefined)
  )

/** The prices of many items, all asked for at once: how many requests go out together is the pool's business. */
export const pricesOf = (items: ReadonlyArray<string>) => Effect.forEach(items, priceOf, { concurrency: "unbounded" })
