/** What is left of a pool, in whatever state it was when it ended. */
import { HttpBody, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Layer, Scope, Stream } from "effect"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { Resolver } from "../../src/index.ts"
import * as Descriptors from "../parts/descriptors.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import type { Rig } from "../real/rig.ts"
import { rig, textOf } from "../real/rig.ts"
import { fill } from "./backlog.ts"
import { awaitLevel, holdings } from "./holdings.ts"

interface State {
  readonly behaviour?: Peer.Behaviour
  readonly options?: Partial<HttpAdapterConfig.Options>
  readonly resolver?: Layer.Layer<never>
  /** where the requests go, if not to the peer */
  readonly origin?: Effect.Effect<string, never, Scope.Scope>
  readonly request: (rigged: Rig, url: string) => Effect.Effect<unknown, unknown>
  /** whether the pool is in the state with its three requests; by default when they have ended */
  readonly reached?: (rigged: Rig, peer: Peer.Peer, sockets: number) => Effect.Effect<boolean>
}

const large = "x".repeat(1_000_000)
const half = Faults.raw([`HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${large.slice(0, 100_000)}`])
const threeActive = ({ pool }: Rig) => Effect.map(pool.stats, ({ active }) => active === 3)
const threeConnecting = (sockets: number): NonNullable<State["reached"]> => ({ pool }, _, opened) =>
  Effect.map(pool.stats, ({ connecting }) => connecting === 3 && opened === sockets)
const endless = HttpBody.stream(Stream.concat(Stream.make(Buffer.from(large)), Stream.never))

const states: Record<string, State> = {
  "has idle connections": { request: (rigged, url) => textOf(rigged, `${url}/`) },
  "has requests without an answer": {
    behaviour: Faults.neverAnswers,
    request: textOf,
    reached: (_, peer) => Effect.sync(() => peer.requests().length === 3)
  },
  "sends a body without an end": {
    behaviour: Faults.neverAnswers,
    request: ({ client }, url) => client.execute(HttpClientRequest.post(url, { body: endless })),
    reached: (_, peer) =>
      Effect.sync(() => peer.connections.filter((one) => one.bytes().length > 1_000_000).length === 3)
  },
  "has bodies that are read as a whole and have not ended": { behaviour: half, request: textOf, reached: threeActive },
  "has bodies half-read as streams": {
    behaviour: half,
    request: ({ client }, url) =>
      Effect.flatMap(client.get(url), (response) => Stream.runForEach(response.stream, () => Effect.never)),
    reached: threeActive
  },
  "has bodies that nobody reads": {
    behaviour: Faults.answers(() => Faults.response(large)),
    request: ({ client }, url) => Effect.zipRight(client.get(url), Effect.never),
    reached: threeActive
  },
  "drains bodies that were left": {
    behaviour: half,
    options: { drainLimit: 1_000_000 },
    request: ({ client }, url) =>
      Effect.flatMap(client.get(url), (response) => Stream.runDrain(Stream.take(response.stream, 1)))
  },
  "has callers in the queue": {
    behaviour: Faults.neverAnswers,
    options: { maxConnectionsPerHost: 1 },
    request: textOf,
    reached: ({ pool }) => Effect.map(pool.stats, (all) => all.waiting === 2)
  },
  "waits for resolvers": {
    resolver: Resolver.layer({ resolve: () => Effect.never }),
    origin: Effect.succeed("http://nowhere.test"),
    request: textOf,
    reached: ({ pool }) => Effect.map(pool.stats, (all) => all.waiting === 3)
  },
  "is connecting": {
    origin: Effect.map(fill, (port) => `http://127.0.0.1:${port}`),
    request: textOf,
    reached: threeConnecting(3)
  },
  "is in the TLS handshake": {
    origin: Effect.map(Peer.start(Faults.neverAnswers), ({ port }) => `https://127.0.0.1:${port}`),
    // else there is one dial until it is known whether one connection serves all
    options: { http2: "never" },
    request: textOf,
    // the server's ends are in this process as well
    reached: threeConnecting(6)
  },
  "waits for the answers to its checks": {
    behaviour: {
      onRequest: ({ socket }, { method }) => void (method === "HEAD" || socket.write(Faults.response()))
    },
    options: { healthCheckInterval: "20 millis", healthCheckTimeout: "1 minute" },
    request: textOf,
    reached: (_, peer) =>
      Effect.sync(() => peer.connections.filter((one) => one.requests.at(-1)?.method === "HEAD").length === 3)
  }
}

/** Brings a pool into the state, ends it, and counts. */
const leavesNothing = (state: State, end: (rigged: Rig, scope: Scope.CloseableScope) => Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const peer = yield* Peer.start(state.behaviour ?? Faults.answers())
    const origin = yield* state.origin ?? Effect.succeed(peer.origin)
    const before = yield* holdings
    const scope = yield* Scope.make()
    const rigged = yield* Scope.extend(rig({ shutdownGrace: "20 millis", ...state.options }, state.resolver), scope)
    const asking = yield* Effect.replicateEffect(Effect.fork(state.request(rigged, origin)), 3)
    const ended = Effect.sync(() => asking.every((fiber) => fiber.unsafePoll() !== null))
    const opened = Effect.map(Descriptors.sockets, (sockets) => sockets - before.sockets)
    const reached = Effect.flatMap(opened, (sockets) => state.reached?.(rigged, peer, sockets) ?? ended)
    yield* until("it is there", reached)
    yield* end(rigged, scope)
    assert.deepInclude(yield* rigged.pool.stats, { total: 0, connecting: 0, closing: 0, abandoned: 0, waiting: 0 })
    // Those that hold no connection any more may still be at work with what they have.
    yield* Effect.forEach(asking, (fiber) => Fiber.interrupt(fiber))
    yield* peer.awaitOpen(0)
    yield* Scope.close(scope, Exit.void)
    yield* awaitLevel(before)
  })

describe.skipIf(!Descriptors.available)("after its end a pool leaves neither socket nor fiber nor timer", () => {
  for (const [name, state] of Object.entries(states)) {
    it.scopedLive(`P2 its scope closes while it ${name}`, () =>
      leavesNothing(state, (_, scope) => Scope.close(scope, Exit.void)))

    it.scopedLive(`P2 P9 it is shut down while it ${name}`, () => leavesNothing(state, ({ pool }) => pool.shutdown))
  }
})
