/** A first request, and what the pool can tell afterwards. Run it: `npm run first-request` in this package. */
import { HttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { HttpPool, PooledHttpClient, PoolLayer } from "@watertight/http-adapter"
import { Console, Effect, Layer } from "effect"
import * as Loopback from "./loopback.ts"

const program = Effect.gen(function*() {
  const server = yield* Loopback.serve(Loopback.site)
  const client = yield* HttpClient.HttpClient
  const ask = Effect.flatMap(client.get(`${server.url}/users/1`), (response) => response.json)

  yield* Console.log("the answer:", yield* ask)
  yield* Effect.repeatN(ask, 8)

  const pool = yield* HttpPool.HttpPool
  const { active, hosts, idle, total } = yield* pool.stats
  const [host] = hosts
  yield* Console.log(`the pool: ${total} connection, ${active} active, ${idle} idle`)
  yield* Console.log(`the host: ${host?.acquired} requests, ${host?.opened} connection opened, ${host?.reused} reused`)
  yield* Console.log(`the server: ${server.accepted()} connection accepted`)
})

const HttpLive = Layer.provideMerge(PooledHttpClient.layer, PoolLayer)

NodeRuntime.runMain(Effect.scoped(Effect.provide(program, HttpLive)))
