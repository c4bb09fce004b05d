/** The client and the one it replaces, side by side, with servers of Node's own to talk to. */
import { NodeHttpClient } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import { assert } from "@effect/vitest"
import type { PoolError } from "@watertight/pool"
import { Cause, Context, Effect, Exit, Layer, type Scope } from "effect"
import * as Http from "node:http"
import { type HttpAdapterConfig, HttpPool, PooledHttpClient } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"

/** A request as the server saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  /** without those of tracing, which never repeat */
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Buffer
}

export interface Site {
  readonly url: string
  /** connections that are open, and all that there were, on the server's side */
  readonly open: () => number
  readonly accepted: () => number
}

/** A server that ends with the scope, on a free port of loopback or on a Unix socket. */
export const serve = (listener: Http.RequestListener, path?: string): Effect.Effect<Site, never, Scope.Scope> =>
  Effect.gen(function*() {
    let open = 0
    let accepted = 0
    const server = yield* Effect.acquireRelease(
      Effect.async<Http.Server>((resume) => {
        const made = Http.createServer(listener)
        made.on("connection", (socket) => {
          open++
          accepted++
          socket.once("close", () => open--)
        })
        made.listen(path === undefined ? { host: "127.0.0.1", port: 0 } : { path }, () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.async<void>((resume) => {
          made.close(() => resume(Effect.void))
          made.closeAllConnections()
        })
    )
    const address = server.address()
    const port = address !== null && typeof address === "object" ? address.port : 0
    return { url: `http://127.0.0.1:${port}`, open: () => open, accepted: () => accepted }
  })

/** A server that gets whole requests. */
export const answer = (
  respond: (seen: Seen, response: Http.ServerResponse) => void,
  path?: string
): Effect.Effect<Site, never, Scope.Scope> =>
  serve((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { headers: { b3: _, traceparent: __, ...headers }, method = "", url = "" } = request
      respond({ method, url, headers, body: Buffer.concat(chunks) }, response)
    })
  }, path)

/** A server that remembers whole requests and answers them with "ok". */
export const recorder = (
  path?: string
): Effect.Effect<Site & { readonly requests: ReadonlyArray<Seen> }, never, Scope.Scope> => {
  const requests: Array<Seen> = []
  return Effect.map(
    answer((seen, response) => {
      requests.push(seen)
      response.end("ok")
    }, path),
    (site) => ({ ...site, requests })
  )
}

/** A URL where nothing listens any more. */
export const refused: Effect.Effect<string> = Effect.scoped(Effect.map(recorder(), ({ url }) => url))

export interface Ours {
  readonly client: HttpClient.HttpClient
  readonly pool: HttpPool.Service
}

/** The client on a pool of its own that checks its invariants after every step. */
export const ours = (
  options: Partial<HttpAdapterConfig.Options> = {},
  around: Layer.Layer<never> = Layer.empty
): Effect.Effect<Ours, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.map(
    Layer.build(
      PooledHttpClient.layer.pipe(
        Layer.provideMerge(HttpPool.layer({ checkInvariants: true, unixUrls: true, ...options })),
        Layer.provide(around)
      )
    ),
    (context) => ({
      client: Context.get(context, HttpClient.HttpClient),
      pool: Context.get(context, HttpPool.HttpPool)
    })
  )

/** The client that ours stands in for. */
export const theirs: Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> = Effect.map(
  Layer.build(NodeHttpClient.layerUndici),
  (context) => Context.get(context, HttpClient.HttpClient)
)

/** Waits until no request holds a connection. */
export const released = (pool: HttpPool.Service): Effect.Effect<void> =>
  until(
    "no connection is held",
    Effect.map(pool.stats, ({ active, closing, connecting, waiting }) => active + closing + connecting + waiting === 0)
  )

/** Waits until something that is counted moves no more: it has begun, and is the same in a hundred looks. Gives the count. */
export const settled = (what: string, count: () => number): Effect.Effect<number> => {
  let last = 0
  let looks = 0
  const same = Effect.sync(() => {
    const now = count()
    looks = now > 0 && now === last ? looks + 1 : 0
    last = now
    return looks >= 100
  })
  return Effect.map(until(`${what} settles`, same), () => last)
}

/** What programs see of an end: the value, or the class of the platform's error. */
const view = <A, E>(exit: Exit.Exit<A, E>): unknown => {
  if (Exit.isSuccess(exit)) return exit.value
  const error = Cause.squash(exit.cause)
  return HttpClientError.isHttpClientError(error) ? `${error._tag} ${error.reason}` : error
}

type Program<A, E> = (client: HttpClient.HttpClient) => Effect.Effect<A, E, Scope.Scope>

/** How a program ends over each of the two clients. Afterwards nothing of it may hold a connection. */
export const compare = <A, E>(
  program: Program<A, E>,
  options?: Partial<HttpAdapterConfig.Options>
): Effect.Effect<{ readonly ours: unknown; readonly theirs: unknown }, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.gen(function*() {
    const expected = yield* Effect.exit(Effect.scoped(Effect.flatMap(theirs, program)))
    const { client, pool } = yield* ours(options)
    const actual = yield* Effect.exit(Effect.scoped(program(client)))
    yield* released(pool)
    return { ours: view(actual), theirs: view(expected) }
  })

/** A program that has to end in the same way over both clients, and how. */
export const agree = <A, E>(
  program: Program<A, E>,
  options?: Partial<HttpAdapterConfig.Options>
): Effect.Effect<unknown, PoolError.ConfigInvalid, Scope.Scope> =>
  Effect.map(compare(program, options), (ends) => {
    assert.deepStrictEqual(ends.ours, ends.theirs)
    return ends.ours
  })
