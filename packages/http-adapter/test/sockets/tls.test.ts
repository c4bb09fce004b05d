/** The same over TLS: how many sockets, what is left, who is asked for, and what the second handshake is spared. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TLSSocket } from "node:tls"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { PooledHttpClient, Resolver } from "../../src/index.ts"
import { type Certificates, certificates } from "../parts/certificates.ts"
import * as Descriptors from "../parts/descriptors.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { untilEqual } from "../parts/waiting.ts"
import { connectionsOf, rig, textOf } from "../real/rig.ts"
import { awaitLevel, holdings } from "./holdings.ts"
import { watch } from "./watch.ts"

const names = Resolver.layerStatic({ "a.test": ["127.0.0.1"], localhost: ["127.0.0.1"] })

const trusting = ({ authority }: Certificates, options: Partial<HttpAdapterConfig.Options> = {}) =>
  rig({ ...options, tls: { ca: authority, ...options.tls } }, names)

const ofTls = ({ connections }: Peer.Peer): ReadonlyArray<TLSSocket> =>
  connections.map(({ socket }) => {
    assert.instanceOf(socket, TLSSocket)
    return socket
  })

const fresh = PooledHttpClient.withOptions({ fresh: true })

describe.skipIf(lacks("openssl") || !Descriptors.available)("connections with TLS", () => {
  it.scopedLive("P1 there are never more than the limit, handshakes included", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const peer = yield* Peer.start(Faults.delayed(2), { tls: tls.localhost })
      const rigged = yield* trusting(tls, { maxConnectionsPerHost: 5 })
      const before = yield* Descriptors.sockets
      yield* watch(Effect.sync(() => assert.isAtMost(peer.open(), 5)))
      yield* Effect.replicateEffect(textOf(rigged, peer.origin), 100, { concurrency: "unbounded" })
      assert.deepStrictEqual([peer.accepted(), peer.requests().length], [5, 100])
      yield* Descriptors.awaitSockets(before + 10)
    }))

  it.scopedLive("P2 P9 after the end of the pool neither socket nor fiber nor timer is left", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const peer = yield* Peer.start(Faults.delayed(10), { tls: tls.localhost })
      const before = yield* holdings
      const scope = yield* Scope.make()
      const rigged = yield* Scope.extend(trusting(tls, { shutdownGrace: 0 }), scope)
      yield* Effect.replicateEffect(textOf(rigged, peer.origin), 4, { concurrency: 4 })
      peer.become(Faults.neverAnswers)
      const asking = yield* Effect.fork(Effect.exit(textOf(rigged, peer.origin)))
      yield* untilEqual("requests", Effect.sync(() => peer.requests().length), 5)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* asking))
      yield* peer.awaitOpen(0)
      yield* awaitLevel(before)
    }))

  it.scopedLive("the name of the host is asked for; an address is none, but a name may be set for it", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const named = yield* Peer.start(Faults.answers(), { tls: tls.aTest })
      const local = yield* Peer.start(Faults.answers(), { tls: tls.localhost })
      const rigged = yield* trusting(tls)
      yield* textOf(rigged, `https://a.test:${named.port}/`)
      yield* textOf(rigged, `https://localhost:${local.port}/`)
      yield* textOf(rigged, local.origin)
      yield* textOf(yield* trusting(tls, { tls: { servername: "a.test" } }), named.origin)
      const asked = [...ofTls(named), ...ofTls(local)].map((socket) => "servername" in socket && socket.servername)
      assert.deepStrictEqual(asked, ["a.test", "a.test", "localhost", false])
    }))

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    it.scopedLive(`the second connection resumes the session of the first, and so does each after it (${maxVersion})`, () =>
      Effect.gen(function*() {
        const tls = yield* certificates
        const peer = yield* Peer.start(Faults.answers(), { tls: tls.localhost })
        const rigged = yield* trusting(tls, { tls: { maxVersion } })
        for (let connection = 0; connection < 4; connection++) yield* fresh(textOf(rigged, peer.origin))
        const resumed = ofTls(peer).map((socket) => [socket.getProtocol(), socket.isSessionReused()])
        assert.deepStrictEqual(resumed, [[maxVersion, false], ...Array.from({ length: 3 }, () => [maxVersion, true])])
      }))
  }

  it.scopedLive("a session belongs to its host alone, and to its pool", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const peer = yield* Peer.start(Faults.answers(), { tls: tls.localhost })
      const rigged = yield* trusting(tls)
      yield* textOf(rigged, `https://localhost:${peer.port}/`)
      yield* textOf(rigged, peer.origin)
      yield* textOf(yield* trusting(tls), peer.origin)
      assert.deepStrictEqual(ofTls(peer).map((socket) => socket.isSessionReused()), [false, false, false])
    }))

  it.scopedLive("a server that has forgotten its sessions gets a whole handshake, and no request fails", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const rigged = yield* trusting(tls)
      const first = yield* Effect.scoped(Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.answers(), { tls: tls.localhost })
        yield* textOf(rigged, peer.origin)
        return peer
      }))
      yield* untilEqual("connections", connectionsOf(rigged), 0)
      const second = yield* Peer.start(Faults.answers(), { tls: tls.localhost, port: first.port })
      assert.strictEqual(yield* textOf(rigged, second.origin), "ok")
      assert.deepStrictEqual(ofTls(second).map((socket) => socket.isSessionReused()), [false])
    }))
})
