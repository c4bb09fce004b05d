/** A limit, a request that is cancelled, and a stream left half-way. Run it: `npm run cancellation` in this package. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { HttpPool, PooledHttpClient } from "@watertight/http-adapter"
import { Console, Effect, Fiber, Layer, Stream } from "effect"
import { eventually } from "../eventually.ts"
import * as Loopback from "./loopback.ts"

const HttpLive = Layer.provideMerge(PooledHttpClient.layer, HttpPool.layer({ maxConnectionsPerHost: 4 }))

const visit = (server: Loopback.Loopback) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const pool = yield* HttpPool.HttpPool
    const held = Effect.map(pool.stats, ({ active }) => active)

    // 20 requests at once, each of which takes the server 30 ms, over no more than 4 connections
    const slow = Effect.flatMap(client.get(`${server.url}/slow`), (response) => response.text)
    yield* Effect.all(Array.from({ length: 20 }, () => slow), { concurrency: "unbounded" })
    yield* Console.log(`limit: 20 requests over ${server.accepted()} connections, ${server.open()} open`)

    // nobody will ever answer this one
    const waiting = yield* Effect.fork(client.get(`${server.url}/never`))
    yield* eventually(held, (active) => active === 1)
    yield* Fiber.interrupt(waiting)
    const open = yield* eventually(Effect.sync(server.open), (sockets) => sockets < 4)
    yield* Console.log(`cancelled: the server sees ${open} connections, ${yield* held} held`)

    // 8 MiB, of which one piece is taken: the rest would take longer than a new connection
    const piece = yield* client.get(`${server.url}/long`).pipe(HttpClientResponse.stream, Stream.runHead)
    const left = yield* eventually(Effect.sync(server.open), (sockets) => sockets < 3)
    yield* Console.log(
      `left half-way: got a piece (${piece._tag}), the server sees ${left} connections, ${yield* held} held`
    )
  })

const program = Effect.gen(function*() {
  const server = yield* Loopback.serve(Loopback.site)
  const before = yield* Loopback.socketsOfProcess
  yield* Effect.scoped(Effect.provide(visit(server), HttpLive))
  yield* eventually(Effect.sync(server.open), (sockets) => sockets === 0)
  const after = yield* Loopback.socketsOfProcess
  if (before === undefined || after === undefined) return
  yield* Console.log(`closed: ${after - before} sockets more than before the pool was made`)
})

NodeRuntime.runMain(Effect.scoped(program))
