/** `PooledHttpClient.withOptions`: for one request, for a region, nested; wrong values are mistakes in the program. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import type { PoolError } from "@watertight/pool"
import { Cause, Effect, Exit, Fiber, Option, Stream } from "effect"
import { Origin, PooledHttpClient } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { answer, type Ours, ours, recorder, released, theirs } from "./rig.ts"

const { withOptions } = PooledHttpClient

/** How a request fails under these options, by the tag of the cause. */
const tagOf = (request: Effect.Effect<unknown, unknown>): Effect.Effect<string> =>
  Effect.match(request, {
    onSuccess: () => "success",
    onFailure: (error) =>
      typeof error === "object" && error !== null && "cause" in error
        ? String((error.cause as { readonly _tag?: string })._tag) // the union's, or "undefined"
        : String(error)
  })

const text = ({ client }: Pick<Ours, "client">, url: string) =>
  Effect.flatMap(client.get(url), (response) => response.text)

const slow = Effect.gen(function*() {
  const site = yield* answer(({ url }, response) => {
    if (url === "/silent") return
    response.writeHead(200, { "content-length": 9 }).write("begun")
  })
  return { ...site, ...(yield* ours({ shutdownGrace: 0 })) }
})

describe("each option", () => {
  it.scopedLive("fresh: a connection of its own", () =>
    Effect.gen(function*() {
      const { accepted, url } = yield* recorder()
      const rig = yield* ours()
      yield* text(rig, url)
      yield* text(rig, url)
      assert.strictEqual(accepted(), 1)
      yield* text(rig, url).pipe(withOptions({ fresh: true }))
      assert.strictEqual(accepted(), 2)
      yield* text(rig, url).pipe(withOptions({ fresh: false }))
      assert.strictEqual(accepted(), 2)
    }))

  it.scopedLive("replay: whether a request may be sent again", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.closesAsRequestArrives(1))
      const rig = yield* ours()
      const afterAnother = (replay: boolean | undefined) =>
        Effect.zipRight(text(rig, peer.origin), tagOf(withOptions(text(rig, peer.origin), { replay })))
      assert.strictEqual(yield* afterAnother(undefined), "success")
      yield* rig.pool.retire(Origin.make({ host: "127.0.0.1", port: peer.port }))
      assert.strictEqual(yield* afterAnother(false), "ConnectionLost")
      const quiet = yield* ours({ replay: false })
      yield* text(quiet, peer.origin)
      assert.strictEqual(yield* tagOf(withOptions(text(quiet, peer.origin), { replay: true })), "success")
    }))

  it.scopedLive("acquireTimeout: how long to wait for a connection", () =>
    Effect.gen(function*() {
      const { url } = yield* slow
      const rig = yield* ours({ maxConnectionsPerHost: 1, shutdownGrace: 0 })
      const holder = yield* Effect.fork(rig.client.get(`${url}/silent`))
      yield* until("it is held", Effect.map(rig.pool.stats, ({ active }) => active === 1))
      assert.strictEqual(
        yield* tagOf(withOptions(rig.client.get(url), { acquireTimeout: "10 millis" })),
        "AcquireTimeout"
      )
      yield* Fiber.interrupt(holder)
    }))

  it.scopedLive("responseTimeout: until the head is there", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* slow
      const silent = client.get(`${url}/silent`)
      assert.strictEqual(yield* tagOf(withOptions(silent, { responseTimeout: "10 millis" })), "ResponseTimeout")
      yield* released(pool)
    }))

  it.scopedLive("bodyTimeout: between two pieces, even if the body is read outside of the region", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* slow
      const response = yield* client.get(url).pipe(withOptions({ bodyTimeout: "10 millis" }))
      assert.strictEqual(yield* tagOf(response.text), "BodyTimeout")
      const streamed = yield* client.get(url).pipe(withOptions({ bodyTimeout: "10 millis" }))
      assert.strictEqual(yield* tagOf(Stream.runDrain(streamed.stream)), "BodyTimeout")
      yield* released(pool)
    }))

  it.scopedLive("maxResponseSize: bytes of the body", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.end("four"))
      const rig = yield* ours({ maxResponseSize: 3 })
      assert.strictEqual(yield* tagOf(text(rig, url)), "BodyTooLarge")
      assert.strictEqual(yield* text(rig, url).pipe(withOptions({ maxResponseSize: 4 })), "four")
      assert.strictEqual(yield* tagOf(text(rig, url).pipe(withOptions({ maxResponseSize: 0 }))), "BodyTooLarge")
      yield* released(rig.pool)
    }))
})

describe("a URL of others", () => {
  it.scopedLive("is never taken for one that was asked under an identity", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const { client, pool } = yield* ours({ identities: { acme: {}, undefined: {}, null: {} } })
      for (const identity of ["acme", "undefined", "null"]) {
        yield* client.get(site.url).pipe(withOptions({ identity }))
        for (const as of [identity, `\n${identity}`, `undefined\n${identity}`, `null\n${identity}`]) {
          for (const url of [site.url, JSON.stringify([site.url, null, identity])]) {
            yield* Effect.exit(client.get(`${as}\n${url}`))
          }
        }
        yield* Effect.exit(client.get(JSON.stringify([site.url, null, identity])))
      }
      assert.strictEqual(site.requests.length, 3)
      yield* client.get(site.url)
      const hosts = (yield* pool.stats).hosts.map(({ host }) => host.replace(site.url, "")).toSorted()
      assert.deepStrictEqual(hosts, ["", " (as acme)", " (as null)", " (as undefined)"])
    }))
})

describe("a region", () => {
  it.scopedLive("holds for all its requests, also in fibers and behind combinators, and for none outside", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* slow
      const silent = tagOf(client.get(`${url}/silent`))
      const ends = yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(silent)
        const both = yield* Effect.all([silent, silent], { concurrency: 2 })
        return [
          ...both,
          yield* Fiber.join(fiber),
          yield* tagOf(HttpClient.followRedirects(client).get(`${url}/silent`))
        ]
      }).pipe(withOptions({ responseTimeout: "10 millis" }))
      assert.deepStrictEqual(ends, Array.from({ length: 4 }, () => "ResponseTimeout"))
      yield* released(pool)
      const outside = yield* Effect.fork(silent)
      yield* until("it waits", Effect.map(pool.stats, ({ active }) => active === 1))
      yield* Effect.yieldNow()
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(outside)))
    }))

  it.scopedLive("inner options win, outer ones stay, and what is undefined changes nothing", () =>
    Effect.gen(function*() {
      const { accepted, url } = yield* answer((_, response) => void response.end("four"))
      const rig = yield* ours()
      const get = text(rig, url)
      const outer = withOptions({ fresh: true, maxResponseSize: 3 })
      assert.strictEqual(yield* get.pipe(withOptions({ maxResponseSize: 4 }), outer), "four")
      assert.strictEqual(yield* get.pipe(withOptions({ maxResponseSize: 4 }), outer), "four")
      assert.strictEqual(accepted(), 2)
      assert.strictEqual(yield* tagOf(get.pipe(withOptions({ maxResponseSize: undefined }), outer)), "BodyTooLarge")
      assert.strictEqual(yield* get.pipe(outer, withOptions({ maxResponseSize: 4 }), tagOf), "BodyTooLarge")
    }))

  it.scopedLive("can be a part of a client", () =>
    Effect.gen(function*() {
      const { client, pool, url } = yield* slow
      const hasty = HttpClient.transformResponse(client, withOptions({ responseTimeout: "10 millis" }))
      assert.strictEqual(yield* tagOf(hasty.get(`${url}/silent`)), "ResponseTimeout")
      yield* released(pool)
    }))

  it.scopedLive("means nothing to other clients", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const client = yield* theirs
      const response = yield* client.get(url).pipe(withOptions({ fresh: true, maxResponseSize: 0 }))
      assert.strictEqual(yield* response.text, "ok")
    }))
})

describe("a wrong value is a defect that names the option", () => {
  const wrong: Record<string, readonly [option: string, value: unknown, allowed: RegExp]> = {
    "a text for a flag": ["fresh", "yes", /true or false/],
    "a number for a flag": ["replay", 1, /true or false/],
    "a negative time": ["acquireTimeout", -1, /a duration/],
    "no time": ["responseTimeout", 0, /above zero/],
    "a text that is no time": ["bodyTimeout", "soon", /above zero/],
    "half a byte": ["maxResponseSize", 1.5, /a whole number/],
    "no path": ["socketPath", "", /not blank/],
    "an option that there is not": ["responseTimeOut", "1 second", /the options .*responseTimeout/]
  }
  for (const [name, [option, value, allowed]] of Object.entries(wrong)) {
    it.scopedLive(`${name}: ${option}`, () =>
      Effect.gen(function*() {
        const { requests, url } = yield* recorder()
        const { client } = yield* ours()
        const exit = yield* Effect.exit(client.get(url).pipe(withOptions({ [option]: value })))
        assert(Exit.isFailure(exit))
        const defect = Option.getOrThrow(Cause.dieOption(exit.cause)) as PoolError.ConfigInvalid // checked below
        const shown = allowed.source.startsWith("the options") ? "a text of 8 characters" : value
        assert.deepInclude(defect, { _tag: "ConfigInvalid", field: option, value: shown })
        assert.match(defect.message, allowed)
        assert.include(defect.message, option)
        assert.deepStrictEqual(requests, [])
      }))
  }
})
