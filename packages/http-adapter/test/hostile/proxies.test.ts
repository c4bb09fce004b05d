/** Proxies that do not do what they should, and requests that end while the tunnel is being made. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Scheduler } from "effect"
import type { HttpAdapterConfig } from "../../src/index.ts"
import { certificates } from "../parts/certificates.ts"
import * as Descriptors from "../parts/descriptors.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import * as Tunnels from "../parts/tcp/tunnels.ts"
import { until, untilEqual } from "../parts/waiting.ts"
import { causeOf, connectionsOf, hostOf, rig, textOf } from "../real/rig.ts"
import { watch } from "../sockets/watch.ts"

const agreed = "HTTP/1.1 200 OK\r\n\r\n"
const url = "https://users.test/"

/** What a request through a proxy that behaves so fails with; nothing is left of it. */
const failureOf = (behaviour: Peer.Behaviour, options: Partial<HttpAdapterConfig.Options> = {}, to = url) =>
  Effect.gen(function*() {
    const proxy = yield* Peer.start(behaviour)
    const rigged = yield* rig({ proxy: proxy.origin, maxConnectionsPerHost: 1, ...options })
    const before = yield* Descriptors.sockets
    const cause = yield* causeOf(textOf(rigged, to))
    yield* untilEqual("connections", connectionsOf(rigged), 0)
    yield* proxy.awaitOpen(0)
    yield* Descriptors.awaitSockets(before)
    return cause
  })

/** Says something to CONNECT, and nothing to what comes behind that. */
const says = (...pieces: ReadonlyArray<string | Buffer>): Peer.Behaviour => {
  const said = new Set<unknown>()
  return {
    onBytes: ({ bytes, socket }) => {
      if (said.has(socket) || !bytes().includes("\r\n\r\n")) return
      said.add(socket)
      for (const piece of pieces) socket.write(piece)
    }
  }
}

const hostile: Record<string, readonly [Peer.Behaviour, RegExp]> = {
  "refuses by its rules": [
    says("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
    /403 to a tunnel to port 443\)/
  ],
  "cannot reach the host": [says("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>"), /502 to a tunnel/],
  "wants credentials": [says("HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\n\r\n"), /407: it asks for credentials/],
  "answers with a head of 1 MB": [
    says("HTTP/1.1 200 OK\r\nx: ", Buffer.alloc(1_000_000, "y")),
    /larger than 16384 bytes/
  ],
  "does not speak HTTP": [says("SSH-2.0-OpenSSH_9.2\r\n"), /not HTTP\/1\.1/],
  "switches to another protocol": [says("HTTP/1.1 101 Switching Protocols\r\n\r\n"), /not HTTP\/1\.1/],
  "ends without an answer": [{ onBytes: ({ socket }) => void socket.end() }, /closed the connection instead/],
  "ends within its answer": [
    { onBytes: ({ socket }) => void socket.end("HTTP/1.1 200 O") },
    /closed the connection instead/
  ],
  "resets": [
    { onBytes: ({ socket }) => void socket.resetAndDestroy() },
    /broke before its answer|closed the connection/
  ]
}

describe.skipIf(!Descriptors.available)("a proxy that", () => {
  for (const [name, [behaviour, message]] of Object.entries(hostile)) {
    it.scopedLive(`P1 P6 ${name}: an error that says so, and nothing is left`, () =>
      Effect.gen(function*() {
        const cause = yield* failureOf(behaviour)
        assert.deepInclude(cause, { _tag: "ProxyFailed", host: cause._tag === "ProxyFailed" ? cause.host : "" })
        assert.match(cause.message, message)
        assert.match(cause.message, /^https:\/\/users\.test \(through http:\/\/127\.0\.0\.1:\d+\): no tunnel/)
      }))
  }

  it.scopedLive("P1 never answers: the time for connecting ends it", () =>
    Effect.gen(function*() {
      const cause = yield* failureOf(Faults.neverAnswers, { connectTimeout: "100 millis" })
      assert.strictEqual(cause._tag, "ConnectTimeout")
    }))

  it.scopedLive("P1 answers one byte at a time, for ever: the same", () =>
    Effect.gen(function*() {
      const drip: Peer.Behaviour = {
        onConnect: ({ socket }) => {
          socket.write("HTTP/1.1 200 OK\r\nx: ")
          const timer = setInterval(() => socket.write("y"), 5)
          socket.once("close", () => clearInterval(timer))
        }
      }
      const cause = yield* failureOf(drip, { connectTimeout: "200 millis" })
      assert.strictEqual(cause._tag, "ConnectTimeout")
    }))

  it.scopedLive("says yes and then garbage: neither TLS nor HTTP makes anything of it", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* failureOf(says(`${agreed}garbage, and more of it\r\n\r\n`)))._tag, "TlsFailed")
      const plain = yield* failureOf(says(`${agreed}garbage\r\n\r\n`), { replay: false }, "http://users.test/")
      assert.include(["ConnectFailed", "ConnectionLost", "ResponseMalformed"], plain._tag)
    }))

  it.scopedLive("says yes and ends: the host is not there", () =>
    Effect.gen(function*() {
      const cause = yield* failureOf({ onBytes: ({ socket }) => void socket.end(agreed) })
      assert.strictEqual(cause._tag, "TlsFailed")
    }))

  it.scopedLive("answers one byte at a time, with information before the answer: the tunnel is there, and kept", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const proxy = yield* Tunnels.start({}, (tell, open) => {
        const head = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nvia: 1.1 slow\r\n\r\n"
        let at = 0
        const timer = setInterval(() => {
          tell(head[at++] ?? "")
          if (at < head.length) return
          clearInterval(timer)
          open()
        }, 1)
      })
      const rigged = yield* rig({ proxy: proxy.origin })
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
      assert.deepStrictEqual([proxy.asked.length, peer.accepted()], [1, 1])
    }))

  it.scopedLive("fails for one host: the breakers of others stay closed, and credentials open none", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const proxy = yield* Tunnels.start({}, (tell, open, socket) => {
        const head = proxy.asked.at(-1) ?? ""
        if (head.includes("bad.test")) return socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n")
        if (head.includes("secret.test")) return socket.end("HTTP/1.1 407 No\r\n\r\n")
        tell(agreed)
        return open()
      })
      const rigged = yield* rig({ proxy: proxy.origin, breaker: { failures: 2 } })
      const ask = (to: string) => causeOf(textOf(rigged, to))
      const tags = (to: string) => Effect.map(Effect.replicateEffect(ask(to), 3), (all) => all.map(({ _tag }) => _tag))
      assert.deepStrictEqual(yield* tags("http://bad.test/"), ["ProxyFailed", "ProxyFailed", "HostUnavailable"])
      assert.deepStrictEqual(yield* tags("http://secret.test/"), ["ProxyFailed", "ProxyFailed", "ProxyFailed"])
      assert.strictEqual(yield* textOf(rigged, peer.origin), "ok")
    }))
})

/** Everything that happens on sockets happens between two steps of some fiber. */
const slow: Scheduler.Scheduler = {
  shouldYield: (fiber) => fiber.currentOpCount > 12 ? 0 : false,
  scheduleTask: (task) => void setImmediate(task)
}

describe.skipIf(!Descriptors.available)("sockets that end between two steps of the dial", () => {
  const ended: Record<string, Peer.Behaviour> = {
    "reset on arrival": { onConnect: ({ socket }) => void socket.resetAndDestroy() },
    "reset with its yes": {
      onBytes: ({ socket }) => void socket.write(agreed, () => void socket.resetAndDestroy())
    },
    "ended with its yes": { onBytes: ({ socket }) => void socket.end(agreed) }
  }
  for (const [name, behaviour] of Object.entries(ended)) {
    for (const to of ["http://users.test/", url]) {
      it.scopedLive(`P1 P6 ${name}, for ${to}: an error at once, and nothing that nobody handles`, () =>
        Effect.gen(function*() {
          const troubles: Array<unknown> = []
          const record = (error: unknown): void => void troubles.push(error)
          process.on("uncaughtException", record)
          yield* Effect.addFinalizer(() => Effect.sync(() => process.off("uncaughtException", record)))
          for (let time = 0; time < 5; time++) {
            const cause = yield* Effect.withScheduler(
              failureOf(behaviour, { connectTimeout: "1 hour", replay: false }, to),
              slow
            )
            assert.include(
              ["ConnectFailed", "ConnectionLost", "HostUnavailable", "ProxyFailed", "TlsFailed"],
              cause._tag
            )
          }
          assert.deepStrictEqual(troubles, [])
        }))
    }
  }

  it.scopedLive("P6 refused before anybody listens: the same", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(Effect.map(Peer.start(Faults.answers()), ({ origin }) => origin))
      const troubles: Array<unknown> = []
      const record = (error: unknown): void => void troubles.push(error)
      process.on("uncaughtException", record)
      yield* Effect.addFinalizer(() => Effect.sync(() => process.off("uncaughtException", record)))
      for (const to of [gone, gone.replace("http:", "https:")]) {
        const ask = Effect.flatMap(rig({ connectTimeout: "1 hour" }), (rigged) => causeOf(textOf(rigged, to)))
        for (let most = 12; most < 20; most++) {
          const scheduler = {
            ...slow,
            shouldYield: (fiber: { currentOpCount: number }) => fiber.currentOpCount > most ? 0 : false as const
          }
          assert.strictEqual((yield* Effect.withScheduler(ask, scheduler))._tag, "ConnectFailed")
        }
      }
      assert.deepStrictEqual(troubles, [])
    }))
})

/** Where a request may be when it ends: what the proxy and the host do until then. */
const stages: Record<string, Peer.Behaviour> = {
  "waits for the proxy's answer": Faults.neverAnswers,
  "has half of the proxy's answer": says("HTTP/1.1 200 O"),
  "speaks TLS with the host": says(agreed)
}

describe.skipIf(!Descriptors.available)("a request through a proxy", () => {
  for (const [name, behaviour] of Object.entries(stages)) {
    it.scopedLive(`P1 P6 interrupted while it ${name}: its socket is closed and its permit back`, () =>
      Effect.gen(function*() {
        const proxy = yield* Peer.start(behaviour)
        const rigged = yield* rig({ proxy: proxy.origin, maxConnectionsPerHost: 1, connectTimeout: "1 hour" })
        const before = yield* Descriptors.sockets
        for (let time = 1; time <= 2; time++) {
          const asking = yield* Effect.fork(textOf(rigged, url))
          yield* until("the proxy is asked", Effect.sync(() => (proxy.connections[time - 1]?.bytes().length ?? 0) > 0))
          if (behaviour === stages["speaks TLS with the host"]) {
            yield* until("TLS has begun", Effect.sync(() => (proxy.connections[time - 1]?.bytes().length ?? 0) > 200))
          }
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(asking)))
          yield* untilEqual("connections", connectionsOf(rigged), 0)
          yield* proxy.awaitOpen(0)
          yield* Descriptors.awaitSockets(before)
        }
        assert.strictEqual((yield* hostOf(rigged, url)).opened, 0)
      }))

    it.scopedLive(`P2 the end of the pool while it ${name} leaves no socket`, () =>
      Effect.gen(function*() {
        const proxy = yield* Peer.start(behaviour)
        const before = yield* Descriptors.sockets
        const asking = yield* Effect.scoped(Effect.gen(function*() {
          const rigged = yield* rig({ proxy: proxy.origin, connectTimeout: "1 hour", shutdownGrace: 0 })
          const fiber = yield* Effect.forkDaemon(textOf(rigged, url))
          yield* until("the proxy is asked", Effect.sync(() => (proxy.connections[0]?.bytes().length ?? 0) > 0))
          return fiber
        }))
        assert.isTrue(Exit.isFailure(yield* Fiber.await(asking)))
        yield* proxy.awaitOpen(0)
        yield* Descriptors.awaitSockets(before)
      }))
  }

  it.scopedLive.skipIf(lacks("openssl"))(
    "P1 there are never more sockets to the proxy than the limit",
    () =>
      Effect.gen(function*() {
        const { authority, localhost } = yield* certificates
        const peer = yield* Peer.start(Faults.delayed(2), { tls: localhost })
        const proxy = yield* Tunnels.start({ tls: localhost })
        const rigged = yield* rig({
          proxy: { url: proxy.origin, tls: { ca: authority } },
          tls: { ca: authority },
          maxConnectionsPerHost: 4
        })
        yield* watch(Effect.sync(() => assert.isAtMost(proxy.open(), 4)))
        yield* Effect.replicateEffect(textOf(rigged, peer.origin), 60, { concurrency: "unbounded" })
        assert.deepStrictEqual([proxy.accepted(), peer.accepted(), peer.requests().length], [4, 4, 60])
      })
  )
})
