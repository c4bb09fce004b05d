/** The stops over real sockets. */
import type { HttpClient } from "@effect/platform"
import type { HttpPool } from "@watertight/http-adapter"
import { Effect, Fiber, Option } from "effect"
import { eventually } from "../eventually.ts"
import type { Loopback } from "../http/loopback.ts"
import { type Stop, together } from "./part.ts"

export interface Surroundings {
  readonly pool: HttpPool.Service
  readonly client: HttpClient.HttpClient
  readonly server: Loopback
  /** the name that the client knows the server by */
  readonly url: string
  /** Gives the name another address, with a server of its own, if this machine has one. */
  readonly move: Effect.Effect<Option.Option<Loopback>>
}

const openAt = (server: Loopback): Effect.Effect<number> => Effect.sync(server.open)

export const httpStops: ReadonlyArray<Stop<Surroundings>> = [
  {
    title: "Twelve requests at once, four connections: the rest wait in line and reuse what comes back",
    visit: ({ client, server, url }) =>
      Effect.gen(function*() {
        yield* together(12, Effect.flatMap(client.get(`${url}/slow`), (response) => response.text))
        return `12 requests, ${server.accepted()} connections accepted by the server`
      })
  },
  {
    title: "A request is interrupted while the server thinks: its socket is closed, never reused",
    visit: ({ client, pool, server, url }) =>
      Effect.gen(function*() {
        const before = server.open()
        const request = yield* Effect.fork(client.get(`${url}/never`))
        yield* eventually(pool.stats, ({ active }) => active === 1)
        yield* Fiber.interrupt(request)
        const now = yield* eventually(openAt(server), (open) => open < before)
        return `open on the server's side: ${before} before, ${now} after`
      })
  },
  {
    title: "Nobody reads the bodies: short ones are read ahead, a long one is closed in time",
    visit: ({ client, pool, url }) =>
      Effect.gen(function*() {
        yield* together(3, client.get(`${url}/users/1`))
        const long = yield* client.get(`${url}/long`)
        const { active } = yield* eventually(pool.stats, (stats) => stats.active === 0)
        return `4 responses dropped, the last of ${long.headers["content-length"]} bytes; ${active} connections held`
      })
  },
  {
    title: "The host moves to another address: idle connections to the old one go",
    visit: ({ client, move, server, url }) =>
      Effect.gen(function*() {
        const next = yield* move
        if (Option.isNone(next)) return "this machine has no second loopback address"
        const ask = client.get(`${url}/users/1`)
        yield* eventually(Effect.zipRight(ask, openAt(next.value)), (open) => open > 0)
        const old = yield* eventually(openAt(server), (open) => open === 0)
        return `the next request goes to the new address, ${old} connections to the old one are left`
      })
  }
]
