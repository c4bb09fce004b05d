/** One request, interrupted wherever it may be. */
import { HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Scope, Stream } from "effect"
import { setImmediate } from "node:timers/promises"
import { type Certificates, certificates } from "../parts/certificates.ts"
import * as Descriptors from "../parts/descriptors.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { connectionsOf, hostOf, rig, textOf } from "../real/rig.ts"

/** A peer, and what it is told to do. */
interface Stage {
  readonly behaviour: Peer.Behaviour
  readonly request: (
    client: HttpClient.HttpClient,
    url: string,
    there: () => void
  ) => Effect.Effect<unknown, unknown, Scope.Scope>
  /** whether the request is where it is to be interrupted; `there` by default */
  readonly reached?: (peer: Peer.Peer) => boolean
}

const get = (client: HttpClient.HttpClient, url: string) => client.get(url)
const asked = (peer: Peer.Peer) => peer.requests().length === 1
const head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
const half = Faults.raw([head, "x".repeat(100_000)])
const never: Peer.Behaviour = { onConnect: ({ socket }) => void socket.pause() }
// more than the kernel keeps for a peer that does not read
const large = Buffer.alloc(16 * 1024 * 1024, "x")

const stages: Record<string, Stage> = {
  "writes the bytes of its body": {
    behaviour: never,
    request: (client, url) => client.execute(HttpClientRequest.post(url, { body: HttpBody.uint8Array(large) })),
    reached: (peer) => peer.connections.length === 1
  },
  "writes the stream of its body": {
    behaviour: never,
    request: (client, url, there) => {
      let pulled = 0
      const pieces = Stream.repeatEffect(Effect.sync(() => {
        pulled++
        if (pulled === 20) there()
        return large.subarray(0, 64 * 1024)
      }))
      return client.execute(HttpClientRequest.post(url, { body: HttpBody.stream(pieces) }))
    }
  },
  "waits for the stream of its body": {
    behaviour: Faults.neverAnswers,
    request: (client, url, there) => {
      const pieces = Stream.concat(
        Stream.make(large.subarray(0, 100)),
        Stream.fromEffect(Effect.zipRight(Effect.sync(there), Effect.never))
      )
      return client.execute(HttpClientRequest.post(url, { body: HttpBody.stream(pieces) }))
    }
  },
  "waits for the head of the response": {
    behaviour: Faults.neverAnswers,
    request: get,
    reached: asked
  },
  "has half of a head": {
    behaviour: Faults.raw(["HTTP/1.1 200 O"]),
    request: get,
    reached: asked
  },
  "reads the body as a whole": {
    behaviour: half,
    request: (client, url, there) =>
      Effect.flatMap(get(client, url), (response) => Effect.zipRight(Effect.sync(there), response.text))
  },
  "reads the body piece by piece": {
    behaviour: half,
    request: (client, url, there) =>
      Effect.flatMap(get(client, url), (response) => {
        let received = 0
        return Stream.runForEach(response.stream, (piece) =>
          Effect.sync(() => {
            received += piece.length
            if (received === 100_000) there()
          }))
      })
  },
  "is busy with the first piece of the body": {
    behaviour: Faults.answers(() => Faults.response(large)),
    request: (client, url, there) =>
      Effect.flatMap(
        get(client, url),
        (response) => Stream.runForEach(response.stream, () => Effect.zipRight(Effect.sync(there), Effect.never))
      )
  },
  "keeps the response, unread, in its scope": {
    behaviour: Faults.answers(() => Faults.response(large)),
    request: (client, url, there) =>
      Effect.zipRight(Effect.zipRight(HttpClient.withScope(client).get(url), Effect.sync(there)), Effect.never)
  },
  "reads a response that came before its own body was sent": {
    behaviour: { onBytes: ({ socket }) => void socket.write(`${head}half`) },
    request: (client, url, there) => {
      const body = HttpBody.stream(Stream.concat(Stream.make(large.subarray(0, 100)), Stream.never))
      return Effect.flatMap(
        client.execute(HttpClientRequest.post(url, { body })),
        (response) => Effect.zipRight(Effect.sync(there), response.text)
      )
    }
  }
}

type End = (request: Effect.Effect<unknown, unknown>, when: Effect.Effect<void>) => Effect.Effect<void>

const interrupted: End = (request, when) =>
  Effect.gen(function*() {
    const asking = yield* Effect.fork(request)
    yield* when
    const exit = yield* Fiber.interrupt(asking)
    assert.isTrue(Exit.isInterrupted(exit), String(exit))
  })

const outrun: End = (request, when) => Effect.asVoid(Effect.raceFirst(Effect.orDie(request), when))

const cut = ({ behaviour, reached, request }: Stage, end: End, tls?: Certificates) =>
  Effect.gen(function*() {
    const peer = yield* Peer.start(behaviour, tls === undefined ? {} : { tls: tls.localhost })
    const rigged = yield* rig({ maxConnectionsPerHost: 1, ...tls === undefined ? {} : { tls: { ca: tls.authority } } })
    const before = yield* Descriptors.sockets
    let there = false
    const asking = Effect.scoped(request(rigged.client, peer.origin, () => {
      there = true
    }))
    const active = Effect.map(rigged.pool.stats, (stats) => stats.active === 1)
    yield* end(asking, until("it is there", Effect.map(active, (lent) => lent && (reached?.(peer) ?? there))))
    // The client's end is closed, whatever the peer makes of it: at most the peer's own is left.
    yield* until("the client's socket is closed", Effect.map(Descriptors.sockets, (now) => now <= before + 1))
    peer.connections[0]?.socket.resume()
    yield* peer.awaitOpen(0)
    yield* Descriptors.awaitSockets(before)
    const counts = { total: 0, connecting: 0, closing: 0, waiting: 0 }
    assert.deepInclude(yield* rigged.pool.stats, counts)
    assert.deepStrictEqual((yield* hostOf(rigged, peer.origin)).closedBy, { interrupted: 1 })
    // The only permit is back, and the connection is not used again.
    peer.become(Faults.answers())
    assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
    assert.strictEqual(peer.accepted(), 2)
  })

describe.skipIf(!Descriptors.available)("a request that ends early", () => {
  for (const [name, stage] of Object.entries(stages)) {
    it.scopedLive(`P6 interrupted while it ${name}: its connection is closed and the permit back`, () =>
      cut(stage, interrupted))

    it.scopedLive(`P6 the same when it loses a race while it ${name}`, () => cut(stage, outrun))

    it.scopedLive.skipIf(lacks("openssl"))(
      `P6 the same over TLS while it ${name}`,
      () => Effect.flatMap(certificates, (tls) => cut(stage, interrupted, tls))
    )
  }

  for (
    const [name, behaviour] of Object.entries({
      "that answers": Faults.answers(),
      "that resets every other request, which is sent again": Faults.closesAsRequestArrives(1)
    })
  ) {
    it.scopedLive(`P6 interrupted in any turn of the event loop, with a peer ${name}: nothing is held, nothing is lost`, () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(behaviour)
        const rigged = yield* rig({ maxConnectionsPerHost: 1 })
        const before = yield* Descriptors.sockets
        for (let turns = 0; turns < 120; turns++) {
          if (turns % 3 === 0) assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
          const asking = yield* Effect.fork(textOf(rigged, peer.origin))
          // turns of the event loop, or of fibers
          const turn = turns % 2 === 0 ? Effect.promise(() => setImmediate()) : Effect.yieldNow()
          yield* Effect.repeatN(turn, turns % 20)
          yield* Fiber.interrupt(asking)
        }
        yield* until(
          "nothing is held",
          Effect.map(rigged.pool.stats, ({ active, closing, connecting }) => active + closing + connecting === 0)
        )
        yield* until("both see the same", Effect.map(connectionsOf(rigged), (count) => count === peer.open()))
        assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
        yield* Descriptors.awaitSockets(before + 2 * (yield* connectionsOf(rigged)))
      }))
  }
})
