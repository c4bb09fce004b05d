/** Peers that break the rules of HTTP/2, or use them against us: each costs what it must, with an error that says what it was. */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { HttpError } from "../../src/index.ts"
import { certificates } from "../parts/certificates.ts"
import { lacks } from "../parts/programs.ts"
import { until } from "../parts/waiting.ts"
import * as Frames from "./frames.ts"
import { answers, rawPeer, type RawSession, type Script } from "./rawPeer.ts"
import { http2, quiet } from "./rig.ts"

const tagOf = (error: HttpClientError.HttpClientError): string =>
  Option.match(HttpError.causeOf(error), { onNone: () => "none", onSome: ({ _tag }) => _tag })

interface Attack {
  /** what it does to the second request; the first waits for its answer */
  readonly at: (session: RawSession, stream: number) => void
  readonly tags: ReadonlyArray<string>
  /** whether the first one lives on */
  readonly spares: boolean
}

const fields = (count: number, size: number) =>
  Array.from({ length: count }, (_, n) => [`x-${n}`, "x".repeat(size)] as const)

const attacks: Record<string, Attack> = {
  "a head larger than allowed": {
    at: (session, stream) =>
      session.send(Frames.headers(stream, [[":status", "200"], ...fields(1, 10_000)], { last: true })),
    tags: ["HeadersTooLarge"],
    spares: true
  },
  "more fields than allowed": {
    at: (session, stream) =>
      session.send(Frames.headers(stream, [[":status", "200"], ...fields(300, 1)], { last: true })),
    tags: ["HeadersTooLarge"],
    spares: true
  },
  "a head that does not end": {
    at: (session, stream) => {
      session.send(Frames.headers(stream, [[":status", "200"]], { whole: false }))
      for (let n = 0; n < 2_000; n++) session.send(Frames.continuation(stream, [["x-more", "x".repeat(1_000)]]))
    },
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  },
  "a head without a status": {
    at: (session, stream) => session.send(Frames.headers(stream, [["x", "y"]], { last: true })),
    tags: ["ResponseMalformed"],
    spares: true
  },
  "a header in capitals": {
    at: (session, stream) =>
      session.send(Frames.headers(stream, [[":status", "200"], ["X-Loud", "y"]], { last: true })),
    tags: ["ResponseMalformed"],
    spares: true
  },
  "a header of HTTP/1.1": {
    at: (session, stream) =>
      session.send(Frames.headers(stream, [[":status", "200"], ["transfer-encoding", "chunked"]], { last: true })),
    tags: ["ResponseMalformed"],
    spares: true
  },
  "a body shorter than its length": {
    at: (session, stream) =>
      session.send(
        Frames.headers(stream, [[":status", "200"], ["content-length", "10"]]),
        Frames.data(stream, "short", true)
      ),
    tags: ["ResponseMalformed", "ConnectionLost"],
    spares: true
  },
  "a body longer than its length": {
    at: (session, stream) =>
      session.send(
        Frames.headers(stream, [[":status", "200"], ["content-length", "3"]]),
        Frames.data(stream, "longer than three", true)
      ),
    tags: ["ResponseMalformed", "ConnectionLost"],
    spares: true
  },
  "a body that is reset as if nothing was amiss": {
    at: (session, stream) =>
      session.send(Frames.headers(stream), Frames.data(stream, "half"), Frames.reset(stream, Frames.Code.none)),
    tags: ["ConnectionLost"],
    spares: true
  },
  "a body that is cancelled": {
    at: (session, stream) =>
      session.send(Frames.headers(stream), Frames.data(stream, "half"), Frames.reset(stream, Frames.Code.cancel)),
    tags: ["ConnectionLost"],
    spares: true
  },
  "a reset before the head, as if nothing was amiss": {
    at: (session, stream) => session.send(Frames.reset(stream, Frames.Code.none)),
    tags: ["ConnectionLost"],
    spares: true
  },
  "an answer that nobody asked for": {
    at: (session) => session.send(Frames.pushPromise(1, 2)),
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  },
  "compression that makes no sense": {
    at: (session, stream) =>
      session.send(Frames.frame(Frames.Type.headers, 4, stream, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))),
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  },
  "a frame larger than allowed": {
    at: (session, stream) => session.send(Frames.headers(stream), Frames.data(stream, Buffer.alloc(100_000))),
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  },
  "data of no stream": {
    at: (session) => session.send(Frames.frame(Frames.Type.data, 0, 0, Buffer.from("x"))),
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  },
  "settings without end": {
    at: (session) => {
      session.socket.pause()
      for (let n = 0; n < 50_000; n++) session.send(Frames.settings({ 3: 100 + n % 2 }))
    },
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  },
  "empty frames without end": {
    at: (session, stream) => {
      session.send(Frames.headers(stream))
      for (let n = 0; n < 5_000; n++) session.send(Frames.data(stream, ""))
    },
    tags: ["ConnectionLost", "ResponseMalformed"],
    spares: false
  }
}

const options = {
  maxHeaderSize: 8_192,
  replay: false,
  unreadTimeout: "1 hour",
  // some faults Node tells its peer alone, which may not care
  pingInterval: "200 millis",
  pingTimeout: "200 millis"
} as const

describe.skipIf(lacks("openssl"))("a hostile peer of HTTP/2", () => {
  for (const [name, { at, spares, tags }] of Object.entries(attacks)) {
    it.scopedLive(`P3 P8: ${name}: ${spares ? "the stream alone ends" : "the session ends"}, and the next request is served`, () =>
      Effect.gen(function*() {
        const script: Script = { request: (session, stream) => stream === 1 ? undefined : at(session, stream) }
        const peer = yield* rawPeer(script)
        const ours = yield* http2(options)
        const first = yield* Effect.fork(Effect.flatMap(ours.client.get(peer.url), ({ text }) => text))
        yield* peer.awaitRequests(1)
        const failing = Effect.flatMap(ours.client.get(peer.url), ({ text }) => Effect.zipLeft(text, Effect.never))
        const error = yield* Effect.flip(Effect.timeoutFail(failing, {
          duration: "10 seconds",
          onTimeout: () => assert.fail("it goes on") as never
        }))
        assert.include(tags, tagOf(error), error.message)
        peer.become(answers("ok"))
        const session = yield* peer.session(0)
        if (spares) {
          session.send(Frames.headers(1), Frames.data(1, "first", true))
          assert.strictEqual(yield* Fiber.join(first), "first")
        } else assert.include(tags, tagOf(yield* Effect.flip(Fiber.join(first))))
        assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), ({ text }) => text), "ok")
        assert.strictEqual(peer.sessions.length, spares ? 1 : 2)
        yield* quiet(ours, 1)
      }))
  }

  it.scopedLive("P8: more of a body than its window ends its stream alone", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer({
        request: (session, stream) => {
          session.send(Frames.headers(stream))
          for (let n = 0; n < 60; n++) session.send(Frames.data(stream, Buffer.alloc(16_000)))
        }
      })
      const ours = yield* http2(options)
      const response = yield* ours.client.get(peer.url)
      const session = yield* peer.session(0)
      yield* until("it is reset", Effect.sync(() => session.resets.length === 1))
      assert.strictEqual(tagOf(yield* Effect.flip(response.text)), "ResponseMalformed")
      peer.become(answers("ok"))
      assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), ({ text }) => text), "ok")
      assert.strictEqual(peer.sessions.length, 1)
    }))

  it.scopedLive("P8: one that claims to be thousands of hosts ends its session", () =>
    Effect.gen(function*() {
      const tls = yield* certificates
      const peer = yield* rawPeer({
        request: (session) => {
          for (let n = 0; n < 200; n++) {
            session.send(Frames.origins(Array.from({ length: 50 }, (_, m) => `https://${n}-${m}.test`)))
          }
        }
      }, tls.localhost)
      const ours = yield* http2({ ...options, tls: { ca: tls.authority } })
      const error = yield* Effect.flip(ours.client.get(peer.url))
      assert.include(error.message, "origins")
      yield* peer.awaitOpen(0)
    }))

  it.scopedLive("informational answers and trailers are no answers, and no end", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer({
        request: (session, stream) =>
          session.send(
            Frames.headers(stream, [[":status", "100"]]),
            Frames.headers(stream, [[":status", "103"], ["link", "</a>"]]),
            Frames.headers(stream, [[":status", "200"], ["x-head", "yes"]]),
            Frames.data(stream, "body"),
            Frames.headers(stream, [["x-trailer", "no"]], { last: true })
          )
      })
      const ours = yield* http2(options)
      const response = yield* ours.client.get(peer.url)
      assert.deepStrictEqual([response.status, response.headers["x-head"], response.headers["x-trailer"]], [
        200,
        "yes",
        undefined
      ])
      assert.strictEqual(yield* response.text, "body")
      yield* quiet(ours, 1)
    }))

  it.scopedLive("P6: a peer that never grants a window holds up what it does not take, and no more", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer({
        begin: (session) => session.send(Frames.settings({ [Frames.Setting.initialWindowSize]: 0 })),
        request: (session, stream) => {
          if (stream > 1) session.send(Frames.headers(stream), Frames.data(stream, "ok", true))
        }
      })
      const ours = yield* http2(options)
      const stuck = yield* Effect.fork(ours.client.post(peer.url, { body: HttpBody.text("a body") }))
      yield* peer.awaitRequests(1)
      assert.strictEqual(yield* Effect.flatMap(ours.client.get(peer.url), ({ text }) => text), "ok")
      yield* Fiber.interrupt(stuck)
      const session = yield* peer.session(0)
      yield* until("it is reset", Effect.sync(() => session.resets.length === 1))
      assert.deepStrictEqual(session.resets, [[1, Frames.Code.cancel]])
      yield* quiet(ours, 1)
    }))
})
