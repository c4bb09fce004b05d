/** The first part of the tour: HTTP over real sockets, between this program and a server inside of it. */
import { HttpClient } from "@effect/platform"
import { HttpPool, PooledHttpClient, Resolver } from "@watertight/http-adapter"
import { Context, Effect, Layer, Scope } from "effect"
import { eventually } from "../eventually.ts"
import * as Loopback from "../http/loopback.ts"
import { httpStops, type Surroundings } from "./httpStops.ts"
import { finish, type Part, type Say, visitAll } from "./part.ts"

/** Linux answers on all of 127.0.0.0/8, other systems on one address of each kind. */
const elsewhere = ["127.0.0.2", "::1"] as const

/** The servers live as long as the given scope, the pool and its client as long as their own. */
const surround = (
  servers: Array<Loopback.Loopback>,
  scope: Scope.Scope
): Effect.Effect<Surroundings, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    let addresses: ReadonlyArray<string> = ["127.0.0.1"]
    const serve = (host: string, port?: number) =>
      Effect.map(Scope.extend(Loopback.serve(Loopback.site, { host, port }), scope), (server) => {
        addresses = [host]
        servers.push(server)
        return server
      })
    const server = yield* serve("127.0.0.1")
    const context = yield* Layer.build(PooledHttpClient.layer.pipe(
      Layer.provideMerge(HttpPool.layer({
        name: "http tour",
        maxConnectionsPerHost: 4,
        unreadTimeout: "200 millis",
        dnsRefreshInterval: "200 millis"
      })),
      Layer.provide(Resolver.layer({ resolve: () => Effect.sync(() => ({ addresses })) }))
    ))
    return {
      pool: Context.get(context, HttpPool.HttpPool),
      client: Context.get(context, HttpClient.HttpClient),
      server,
      url: `http://users.test:${server.port}`,
      move: Effect.option(Effect.firstSuccessOf(elsewhere.map((host) => serve(host, server.port))))
    }
  })

/** What the servers still see some time after the pool has closed, or what the kernel still counts at the end. */
const leftOpen = (servers: ReadonlyArray<Loopback.Loopback>): Effect.Effect<number> => {
  const open = Effect.sync(() => servers.reduce((sum, server) => sum + server.open(), 0))
  return Effect.zipRight(Effect.option(eventually(open, (sockets) => sockets === 0)), open)
}

export const overSockets = (say: Say): Effect.Effect<Part, unknown> =>
  Effect.gen(function*() {
    yield* say("HTTP over real sockets: a pool of at most 4 connections a host, and a server of Node's.\n")
    const before = yield* Loopback.socketsOfProcess
    const [visited, seen] = yield* Effect.scoped(Effect.gen(function*() {
      const servers: Array<Loopback.Loopback> = []
      const scope = yield* Effect.scope
      const ended = yield* Effect.scoped(
        Effect.flatMap(surround(servers, scope), (surroundings) => visitAll(surroundings, httpStops, say))
      )
      return [ended, yield* leftOpen(servers)] as const
    }))
    const after = yield* Loopback.socketsOfProcess
    const opened = visited.results.at(-1)?.stats.hosts.reduce((sum, host) => sum + host.opened, 0) ?? 0
    const sockets = Math.max(seen, before === undefined || after === undefined ? 0 : after - before)
    return yield* finish("http", { ...visited, opened, left: { sockets } }, say)
  })
