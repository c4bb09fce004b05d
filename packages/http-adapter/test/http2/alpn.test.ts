/** Which HTTP is spoken: where the server speaks HTTP/2 over TLS that, where it does not the other one, and no dial more than needed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"
import { type HttpAdapterConfig, Resolver } from "../../src/index.ts"
import { type Certificates, certificates } from "../parts/certificates.ts"
import { lacks } from "../parts/programs.ts"
import { causeOf, rig, textOf } from "../real/rig.ts"
import { serve } from "./rig.ts"

const names = Resolver.layerStatic({ localhost: ["127.0.0.1"] })

const trusting = ({ authority }: Certificates, options: Partial<HttpAdapterConfig.Options> = {}) =>
  rig({ tls: { ca: authority }, ...options }, names)

/** Says what it was asked in. */
const both = (tls: Certificates) =>
  serve((stream) => {
    stream.respond({ ":status": 200 })
    stream.end("HTTP/2")
  }, { tls: tls.localhost })

/** A server that speaks HTTP/1.1 alone, slowly enough that requests overlap. */
const old = (tls: Certificates) =>
  Effect.gen(function*() {
    let open = 0
    let peak = 0
    const { certificate, key } = tls.localhost
    const server = yield* Effect.acquireRelease(
      Effect.async<Https.Server>((resume) => {
        const made = Https.createServer({ cert: certificate, key }, (_, response) => {
          setTimeout(() => response.end("HTTP/1.1"), 20)
        })
        made.on("connection", (socket) => {
          open++
          peak = Math.max(peak, open)
          socket.once("close", () => open--)
        })
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.async<void>((resume) => {
          made.close(() => resume(Effect.void))
          made.closeAllConnections()
        })
    )
    // a port of a server over TCP
    return { url: `https://localhost:${(server.address() as AddressInfo).port}`, peak: () => peak }
  })

describe.skipIf(lacks("openssl"))("HTTP/2 by ALPN", () => {
  it.scopedLive("D1: it is spoken where the server offers it, on one session", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const site = yield* both(tls)
      const rigged = yield* trusting(tls)
      const texts = yield* Effect.replicateEffect(textOf(rigged, site.url), 50, { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(texts), new Set(["HTTP/2"]))
      assert.strictEqual(site.sessions.length, 1)
    }))

  it.scopedLive("D1 P1: a server without it gets HTTP/1.1: one dial to find that out, and then all at once", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const site = yield* old(tls)
      const rigged = yield* trusting(tls)
      let most = 0
      const watching = yield* Effect.fork(Effect.forever(Effect.zipRight(
        Effect.map(rigged.pool.stats, ({ connecting }) => {
          most = Math.max(most, connecting)
        }),
        Effect.yieldNow()
      )))
      const texts = yield* Effect.replicateEffect(textOf(rigged, site.url), 50, { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(texts), new Set(["HTTP/1.1"]))
      assert.isAbove(site.peak(), 5)
      assert.isAbove(most, 5)
      // and it stays known
      yield* rigged.pool.reconfigure({ maxIdlePerHost: 0 })
      yield* Effect.replicateEffect(textOf(rigged, site.url), 50, { concurrency: "unbounded" })
      yield* watching.interruptAsFork(watching.id())
    }))

  it.scopedLive("`never` asks for HTTP/1.1 alone, `always` for HTTP/2 alone", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const site = yield* serve(() => {}, { tls: tls.localhost })
      const never = yield* trusting(tls, { http2: "never", responseTimeout: "200 millis" })
      yield* Effect.either(textOf(never, site.url))
      assert.strictEqual(site.sessions.length, 0)
      const speaking = yield* both(tls)
      const always = yield* trusting(tls, { http2: "always" })
      assert.strictEqual(yield* textOf(always, speaking.url), "HTTP/2")
      const refusing = yield* old(tls)
      const cause = yield* causeOf(textOf(always, refusing.url))
      assert.include(["TlsFailed", "ConnectFailed"], cause._tag)
    }))

  it.scopedLive("it may differ from host to host", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const site = yield* both(tls)
      const rigged = yield* trusting(tls, {
        http2: "never",
        overrides: ({ host }) => host === "localhost" ? { http2: "alpn" } : {}
      })
      assert.strictEqual(yield* textOf(rigged, site.url), "HTTP/2")
    }))
})
