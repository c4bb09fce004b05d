/** An application's HTTP under `TestClock`: the real client on the real pool, and servers in memory at the other end. */
import type * as HttpApp from "@effect/platform/HttpApp"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { Connector } from "@watertight/pool"
import { TestConnector, type TestNetwork } from "@watertight/pool/testing"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Options } from "../HttpAdapterConfig.ts"
import { HttpPool } from "../HttpPool.ts"
import { make as makePool } from "../internal/httpPool.ts"
import { connectorOf } from "./connector.ts"
import { type Server, Servers } from "./servers.ts"
import type { TestServers } from "./TestServers.ts"

/** Applications by the URL of their host: `"http://users.test"`, `"https://[::1]:8443"`, `"http+unix://%2Frun%2Fapp.sock"`. */
export type Hosts = Readonly<Record<string, HttpApp.Default<unknown, unknown>>>

/** What the applications need besides the request. */
export type Needs<H extends Hosts> = Exclude<Effect.Effect.Context<H[keyof H]>, HttpServerRequest | Scope.Scope>

/**
 * A pool on servers in memory, for tests of programs that use an `HttpClient`. Limits, time limits, health checks, replay, streaming:
 * all is as on sockets, except that time is the test's, that nothing leaves the process, and that TLS is taken for granted. An
 * application that fails answers 500, as on the platform's servers. A host that is not listed cannot be resolved. Of the options,
 * `shutdownGrace` is 0 if it is not given, since nobody turns the clock on when a test has ended.
 *
 * @example
 * import { PooledHttpClient } from "@watertight/http-adapter"
 * import { TestHttp } from "@watertight/http-adapter/testing"
 * import { HttpClient, HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 *
 * // the program
 * const nameOf = (id: number) =>
 *   HttpClient.get(`http://users.test/users/${id}`).pipe(
 *     Effect.flatMap((response) => response.text),
 *     Effect.timeout("2 seconds"),
 *     Effect.orElseSucceed(() => "nobody")
 *   )
 *
 * // its test
 * const users = HttpRouter.empty.pipe(HttpRouter.get("/users/1", HttpServerResponse.text("Ada")))
 *
 * export const test = Effect.map(nameOf(1), (name) => name === "Ada").pipe(
 *   Effect.provide(PooledHttpClient.layer.pipe(Layer.provide(TestHttp.layer({ "http://users.test": users }))))
 * )
 */
export const layer = <const H extends Hosts>(
  hosts: H,
  options?: Partial<Options>
): Layer.Layer<HttpPool, never, Needs<H>> =>
  Layer.unwrapEffect(Effect.map(make(hosts, options), (servers) => servers.layer))

/**
 * The same with a hold on the servers: their layer, and what a test wants to tell or ask them. A wrong option is a mistake in the
 * test, so the layer dies of it. Each layer built is a pool of its own, but the servers are the same.
 *
 * @example
 * import { HttpError, PooledHttpClient } from "@watertight/http-adapter"
 * import { TestHttp } from "@watertight/http-adapter/testing"
 * import { HttpClient, HttpServerResponse } from "@effect/platform"
 * import { Effect, Fiber, Layer, Option, TestClock } from "effect"
 *
 * export const test = Effect.gen(function*() {
 *   const servers = yield* TestHttp.make(
 *     { "http://users.test": HttpServerResponse.text("Ada") },
 *     { responseTimeout: "10 seconds" }
 *   )
 *   yield* servers.hang("http://users.test", true)
 *   const request = HttpClient.get("http://users.test/").pipe(
 *     Effect.provide(Layer.provide(PooledHttpClient.layer, servers.layer))
 *   )
 *   const fiber = yield* Effect.fork(Effect.flip(request))
 *   yield* TestClock.adjust("10 seconds")
 *   const cause = HttpError.causeOf(yield* Fiber.join(fiber))
 *   return Option.exists(cause, (error) => error._tag === "ResponseTimeout")
 * })
 */
export const make = <const H extends Hosts>(
  hosts: H,
  options: Partial<Options> = {}
): Effect.Effect<TestServers<Needs<H>>> =>
  Effect.gen(function*() {
    const servers = new Servers(hosts)
    const network = yield* TestConnector.make()
    const names = [...new Set(servers.all.map(({ hostname }) => hostname))]
    for (const { hostname, place } of servers.all) {
      const index = names.indexOf(hostname)
      yield* network.setAddresses(place, [`10.0.${Math.floor(index / 250)}.${index % 250 + 1}`])
    }
    return {
      layer: poolOn<Needs<H>>(servers, network, { shutdownGrace: 0, ...options }),
      ...controls(servers, network)
    }
  })

const poolOn = <R>(
  servers: Servers,
  network: TestNetwork,
  options: Partial<Options>
): Layer.Layer<HttpPool, never, R> =>
  Layer.scoped(
    HttpPool,
    Effect.gen(function*() {
      // Made before the pool, so that it ends after it. A server's work is no part of the span in which the pool is built.
      const fork = yield* FiberSet.makeRuntime<R, void, unknown>().pipe(
        Effect.mapInputContext((context: Context.Context<R | Scope.Scope>) =>
          Context.omit(Tracer.ParentSpan)(context) as Context.Context<R | Scope.Scope> // without what R does not name
        )
      )
      return yield* makePool(
        // whoever lists a Unix socket among the hosts means it
        { unixUrls: true, ...options },
        (around) =>
          Effect.succeed(connectorOf(servers, network, (effect) => fork(effect, { immediate: false }), around))
      )
    }).pipe(Effect.orDie)
  )

const controls = (servers: Servers, network: TestNetwork): Omit<TestServers, "layer"> => {
  // each of these is one synchronous step
  const set = <A>(change: (server: Server, value: A) => void) => (host: string, value: A): Effect.Effect<void> =>
    Effect.sync(() => change(servers.named(host), value))
  const get = <A>(read: (server: Server) => A) => (host: string): Effect.Effect<A> =>
    Effect.sync(() => read(servers.named(host)))
  const place = (host: string): string => servers.named(host).place
  const net = <A>(tell: (key: string, value: A) => Effect.Effect<void>) => (host: string, value: A) =>
    Effect.suspend(() => tell(place(host), value))
  const netAt = <A>(
    tell: (key: string, value: A) => Effect.Effect<void>,
    tellAt: (key: string, address: Connector.Address, value: A) => Effect.Effect<void>
  ) =>
  (host: string, value: A, address?: Connector.Address) =>
    Effect.suspend(() => address === undefined ? tell(place(host), value) : tellAt(place(host), address, value))

  return {
    setAddresses: net(network.setAddresses),
    setTtl: net(network.setTtl),
    failResolve: net(network.failResolve),
    hangResolve: net(network.hangResolve),

    delayConnect: netAt(network.delayOpen, network.delayOpenAt),
    refuse: netAt(network.failOpen, network.failOpenAt),
    hangConnect: netAt(network.hangOpen, network.hangOpenAt),
    localFault: net(network.localFault),

    delay: set((server, delay: Duration.DurationInput) => {
      server.delay = Duration.decode(delay)
    }),
    delayBody: set((server, delay: Duration.DurationInput) => {
      server.bodyDelay = Duration.decode(delay)
    }),
    hang: set((server, hanging: boolean) => server.hang(hanging)),
    truncateBody: set((server, bytes: number | undefined) => {
      server.truncatesAt = bytes ?? Infinity
    }),
    cutAfterHead: set((server, cutting: boolean) => {
      server.cutsAfterHead = cutting
    }),
    cutBeforeAnswer: set((server, requests: number) => {
      server.cutsBeforeAnswer = requests
    }),

    cut: (host) =>
      Effect.flatMap(
        Effect.suspend(() => network.connections(place(host))),
        Effect.forEach((connection) => network.closeFromPeer(connection), { discard: true })
      ),
    closeAfterResponse: set((server, closing: boolean) => {
      server.closesAfterResponse = closing
    }),
    keepAlive: (host, timeout, announced = true) =>
      Effect.sync(() => {
        servers.named(host).keepAlive = timeout === undefined
          ? undefined
          : { millis: Duration.toMillis(timeout), announced }
      }),

    requests: get((server) => [...server.requests]),
    checks: get((server) => server.checks),
    handling: get((server) => server.handling),
    connections: (host) => Effect.suspend(() => network.connections(place(host))),
    opened: get((server) => server.opened),
    openNow: (host) => Effect.suspend(() => network.openNow(host === undefined ? undefined : place(host))),
    peakOpen: (host) => Effect.suspend(() => network.peakOpen(host === undefined ? undefined : place(host)))
  }
}
