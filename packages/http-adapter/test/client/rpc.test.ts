/** `RpcClient` over the pooled client: single answers and streams, in both framings, left early and broken off. */
import { NodeHttpServer } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Layer, Schema, Stream } from "effect"
import * as Http from "node:http"
import { until } from "../parts/waiting.ts"
import { agree, ours, released } from "./rig.ts"

class Wrong extends Schema.TaggedError<Wrong>()("Wrong", { at: Schema.Number }) {}

const Row = Schema.Struct({ n: Schema.Number, text: Schema.String, at: Schema.Date })

class Rpcs extends RpcGroup.make(
  Rpc.make("Echo", { payload: { text: Schema.String }, success: Schema.String }),
  Rpc.make("Fail", { payload: { at: Schema.Number }, error: Wrong }),
  Rpc.make("Count", {
    payload: { from: Schema.Number, to: Schema.Number, failAt: Schema.optional(Schema.Number) },
    success: Row,
    error: Wrong,
    stream: true
  }),
  Rpc.make("Forever", { success: Schema.Number, stream: true })
) {}

const row = (n: number) => ({ n, text: "✓".repeat(n % 50), at: new Date(n) })

/** A server that ends with the scope, and how many endless streams are under way in it. */
const started = (serialization: Layer.Layer<RpcSerialization.RpcSerialization>) =>
  Effect.gen(function*() {
    let running = 0
    const handlers = Rpcs.toLayer({
      Echo: ({ text }) => Effect.succeed(text),
      Fail: ({ at }) => Effect.fail(new Wrong({ at })),
      Count: ({ failAt, from, to }) =>
        Stream.range(from, to, 10).pipe(
          Stream.mapEffect((n) => n === failAt ? Effect.fail(new Wrong({ at: n })) : Effect.succeed(row(n)))
        ),
      Forever: () =>
        Stream.acquireRelease(Effect.sync(() => void running++), () => Effect.sync(() => void running--)).pipe(
          Stream.flatMap(() =>
            Stream.iterate(0, (n) => n + 1).pipe(Stream.rechunk(1), Stream.tap(() => Effect.sleep(1)))
          )
        )
    })
    const protocol = RpcServer.layerProtocolHttp({ path: "/rpc" }).pipe(Layer.provide(serialization))
    const server = HttpRouter.Default.serve().pipe(
      Layer.provide(RpcServer.layer(Rpcs).pipe(Layer.provide(handlers))),
      Layer.provide(protocol),
      Layer.provideMerge(NodeHttpServer.layer(Http.createServer, { host: "127.0.0.1", port: 0 }))
    )
    const context = yield* Layer.build(server)
    const url = yield* Effect.provide(HttpServer.addressFormattedWith(Effect.succeed), context)
    return { url: `${url}/rpc`, running: () => running }
  })

const clientOf = (
  httpClient: HttpClient.HttpClient,
  url: string,
  serialization: Layer.Layer<RpcSerialization.RpcSerialization>
) =>
  Effect.flatMap(
    Layer.build(
      RpcClient.layerProtocolHttp({ url }).pipe(
        Layer.provide(serialization),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, httpClient))
      )
    ),
    (context) => Effect.provide(RpcClient.make(Rpcs), context)
  )

const serializations = {
  ndjson: RpcSerialization.layerNdjson,
  msgpack: RpcSerialization.layerMsgPack
}

for (const [name, serialization] of Object.entries(serializations)) {
  describe(name, () => {
    const rig = Effect.gen(function*() {
      const server = yield* started(serialization)
      const made = yield* ours({ maxConnectionsPerHost: 2 })
      return { ...server, ...made, rpc: yield* clientOf(made.client, server.url, serialization) }
    })

    it.scopedLive("gives what it gives over layerUndici", () =>
      Effect.gen(function*() {
        const { url } = yield* started(serialization)
        const end = yield* agree((httpClient) =>
          Effect.gen(function*() {
            const rpc = yield* clientOf(httpClient, url, serialization)
            return {
              echo: yield* rpc.Echo({ text: "✓ ü" }),
              large: (yield* rpc.Echo({ text: "x".repeat(500_000) })).length,
              failed: yield* Effect.flip(rpc.Fail({ at: 3 })),
              rows: Chunk.toReadonlyArray(yield* Stream.runCollect(rpc.Count({ from: 1, to: 500 }))),
              none: (yield* Stream.runCollect(rpc.Count({ from: 1, to: 0 }))).length
            }
          })
        )
        assert.deepStrictEqual(end, {
          echo: "✓ ü",
          large: 500_000,
          failed: new Wrong({ at: 3 }),
          rows: Array.from({ length: 500 }, (_, index) => row(index + 1)),
          none: 0
        })
      }))

    it.scopedLive("a stream that fails in the middle gives what came before, and its error", () =>
      Effect.gen(function*() {
        const { pool, rpc } = yield* rig
        const seen: Array<number> = []
        const error = yield* rpc.Count({ from: 1, to: 100, failAt: 42 }).pipe(
          Stream.runForEach(({ n }) => Effect.sync(() => seen.push(n))),
          Effect.flip
        )
        assert.deepStrictEqual(error, new Wrong({ at: 42 }))
        assert.isAbove(seen.length, 0)
        assert.isBelow(seen.length, 42)
        yield* released(pool)
        assert.strictEqual(yield* rpc.Echo({ text: "next" }), "next")
      }))

    it.scopedLive("a stream that is left early ends on both sides", () =>
      Effect.gen(function*() {
        const { pool, rpc, running } = yield* rig
        for (let round = 0; round < 3; round++) {
          const first = yield* Stream.runCollect(Stream.take(rpc.Forever(), 3))
          assert.deepStrictEqual(Chunk.toReadonlyArray(first), [0, 1, 2])
        }
        const late = rpc.Forever().pipe(Stream.runDrain, Effect.timeoutOption("20 millis"))
        assert.strictEqual((yield* late)._tag, "None")
        yield* released(pool)
        yield* until("the server's streams have ended", Effect.sync(() => running() === 0))
        assert.strictEqual(yield* rpc.Echo({ text: "next" }), "next")
      }))

    it.scopedLive("many at once share the connections", () =>
      Effect.gen(function*() {
        const { pool, rpc } = yield* rig
        const sums = yield* Effect.forEach(
          Array.from({ length: 30 }, (_, index) => index + 1),
          (to) => Stream.runFold(rpc.Count({ from: 1, to }), 0, (sum, { n }) => sum + n),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(sums, sums.map((_, index) => (index + 1) * (index + 2) / 2))
        yield* released(pool)
        assert.isAtMost((yield* pool.stats).total, 2)
      }))
  })
}

describe("a server that is not there", () => {
  it.scopedLive("is an RpcClientError with the client's error as its cause", () =>
    Effect.gen(function*() {
      const end = yield* agree((httpClient) =>
        Effect.gen(function*() {
          const rpc = yield* clientOf(httpClient, "http://127.0.0.1:1/rpc", RpcSerialization.layerNdjson)
          const error = yield* Effect.flip(rpc.Echo({ text: "" }))
          const { cause } = error
          return [error._tag, HttpClientError.isHttpClientError(cause) && cause.reason]
        })
      )
      assert.deepStrictEqual(end, ["RpcClientError", "Transport"])
    }))
})
