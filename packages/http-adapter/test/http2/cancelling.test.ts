/** Whoever gives a request up gives up its stream alone: the session lives on, and so do all the others on it. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"
import * as Http2 from "node:http2"
import { PooledHttpClient } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { rawPeer, saysNothing } from "./rawPeer.ts"
import { type Answer, http2, quiet, serve } from "./rig.ts"

const { NGHTTP2_CANCEL } = Http2.constants

const large = Buffer.alloc(700_000, "x")

/** What a server does at a path. The sibling is answered when it is told to be. */
const site = () => {
  let release = (): void => {}
  const answer: Answer = (stream, headers) => {
    const path = String(headers[":path"])
    if (path === "/sibling") {
      stream.respond({ ":status": 200 })
      stream.write("begun ")
      release = () => stream.end("and ended")
    } else if (path === "/head") stream.respond({ ":status": 200 })
    else if (path === "/half") {
      stream.respond({ ":status": 200 })
      stream.write("half")
    } else if (path === "/large") {
      stream.respond({ ":status": 200 })
      stream.end(large)
    }
  }
  return Effect.map(serve(answer), (served) => ({ ...served, release: () => release() }))
}

interface Stage {
  readonly path: string
  readonly run: (
    client: HttpClient.HttpClient,
    url: string,
    there: Effect.Effect<unknown>
  ) => Effect.Effect<unknown, unknown>
}

const endless = HttpBody.stream(Stream.concat(Stream.make(Buffer.alloc(1_000_000)), Stream.never))

const stages: Record<string, Stage> = {
  "while it waits for the answer": { path: "/silent", run: (client, url) => client.get(url) },
  "while it sends its body": {
    path: "/silent",
    run: (client, url) => client.execute(HttpClientRequest.post(url, { body: endless }))
  },
  "while its large body waits for a window": {
    path: "/silent",
    run: (client, url) => client.execute(HttpClientRequest.post(url, { body: HttpBody.uint8Array(large) }))
  },
  "while it reads the body as a whole": {
    path: "/half",
    run: (client, url, there) => Effect.flatMap(client.get(url), ({ text }) => Effect.zipRight(there, text))
  },
  "while it reads the body piece by piece": {
    path: "/half",
    run: (client, url, there) =>
      Effect.flatMap(
        client.get(url),
        ({ stream }) => Stream.runForEach(stream, () => Effect.zipRight(there, Effect.never))
      )
  },
  "while a large body waits for a reader": {
    path: "/large",
    run: (client, url, there) =>
      Effect.flatMap(
        HttpClient.withScope(client).get(url),
        () => Effect.zipRight(there, Effect.never)
      ).pipe(Effect.scoped)
  }
}

describe("a request over HTTP/2 that is interrupted", () => {
  for (const [stage, { path, run }] of Object.entries(stages)) {
    it.scopedLive(`P6 ${stage}: its stream is reset, its sibling and the session live on`, () =>
      Effect.gen(function*() {
        const served = yield* site()
        const ours = yield* http2()
        const sibling = yield* Effect.fork(
          Effect.flatMap(ours.client.get(`${served.url}/sibling`), ({ text }) => text)
        )
        yield* served.awaitStreams(1)
        const there = yield* Deferred.make<void>()
        const asking = yield* Effect.fork(run(ours.client, served.url + path, Deferred.succeed(there, undefined)))
        yield* served.awaitStreams(2)
        if (path !== "/silent") yield* Deferred.await(there)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(asking)))
        yield* served.awaitStreams(1)
        assert.deepStrictEqual(served.codes, [NGHTTP2_CANCEL])
        assert.deepInclude(yield* ours.pool.stats, { total: 1, active: 1, closing: 0 })
        served.release()
        assert.strictEqual(yield* Fiber.join(sibling), "begun and ended")
        assert.deepStrictEqual([served.sessions.length, served.open()], [1, 1])
        yield* quiet(ours, 1)
      }))
  }

  it.scopedLive("P6: before the session is there: the one dial ends with the last who waits for it", () =>
    Effect.gen(function*() {
      const peer = yield* rawPeer(saysNothing)
      const { client, pool } = yield* http2({ connectTimeout: "1 hour" })
      const all = yield* Effect.replicateEffect(Effect.fork(client.get(peer.url)), 20)
      yield* peer.awaitOpen(1)
      yield* Effect.forEach(all.slice(1), Fiber.interrupt)
      assert.deepInclude(yield* pool.stats, { connecting: 1, waiting: 0 })
      yield* Fiber.interrupt(all[0]!)
      yield* peer.awaitOpen(0)
      assert.strictEqual(peer.sessions.length, 1)
      yield* until(
        "nothing is left",
        Effect.map(pool.stats, ({ closing, connecting, total }) => closing + connecting + total === 0)
      )
    }))

  it.scopedLive("P6 P9: a thousand at once: a thousand resets, one session", () =>
    Effect.gen(function*() {
      const served = yield* site()
      const ours = yield* http2({ maxStreams: 1_000, maxConnectionsPerHost: 1, checkInvariants: false })
      const all = yield* Effect.replicateEffect(Effect.fork(ours.client.get(`${served.url}/silent`)), 1_000)
      yield* served.awaitStreams(1_000)
      yield* Fiber.interruptAll(all)
      yield* served.awaitStreams(0)
      assert.isTrue(served.codes.every((code) => code === NGHTTP2_CANCEL))
      yield* quiet(ours, 1)
      assert.strictEqual(served.open(), 1)
    }))
})

describe("a request over HTTP/2 that ends by a limit", () => {
  const limits: Record<
    string,
    readonly [path: string, options: PooledHttpClient.Options, tag: string]
  > = {
    "no answer in time": ["/silent", { responseTimeout: "20 millis" }, "ResponseTimeout"],
    "a body that pauses": ["/half", { bodyTimeout: "20 millis" }, "BodyTimeout"],
    "a body that is too large": ["/large", { maxResponseSize: 100_000 }, "BodyTooLarge"]
  }
  for (const [name, [path, options, tag]] of Object.entries(limits)) {
    it.scopedLive(`P6 ${name}: its stream is reset, the session lives on`, () =>
      Effect.gen(function*() {
        const served = yield* site()
        const ours = yield* http2()
        const failing = Effect.flatMap(ours.client.get(served.url + path), ({ text }) => text).pipe(
          PooledHttpClient.withOptions(options)
        )
        const error = yield* Effect.flip(failing)
        assert.strictEqual((error.cause as { readonly _tag: string })._tag, tag)
        yield* served.awaitStreams(0)
        assert.deepStrictEqual(served.codes, [NGHTTP2_CANCEL])
        assert.strictEqual(served.open(), 1)
        yield* quiet(ours, 1)
      }))
  }

  it.scopedLive("a body that nobody reads is given up, and holds nobody else up", () =>
    Effect.gen(function*() {
      const served = yield* site()
      const ours = yield* http2({ unreadTimeout: "20 millis" })
      yield* Effect.replicateEffect(ours.client.get(`${served.url}/large`), 10)
      yield* served.awaitStreams(0)
      yield* quiet(ours, 1)
      assert.strictEqual(served.sessions.length, 1)
    }))
})
