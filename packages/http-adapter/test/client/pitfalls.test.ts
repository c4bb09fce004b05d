/** Small things that once were wrong. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Option, Scope } from "effect"
import { Readable } from "node:stream"
import { HttpAdapterConfig, HttpError } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { agree, ours, recorder, released, serve } from "./rig.ts"
import { recorded } from "./spans.ts"

describe("a request that is unusual", () => {
  it.scopedLive("sends an iterable of texts", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      assert.strictEqual(
        yield* agree((client) =>
          Effect.flatMap(client.post(site.url, { body: HttpBody.raw(["ab", "cd"]) }), (r) => r.text)
        ),
        "ok"
      )
    }))
  for (
    const [name, make] of Object.entries({
      "fails half-way": () =>
        Readable.from(async function*() {
          yield Buffer.alloc(65536)
          throw new Error("broken")
        }()),
      "was destroyed": () => {
        const r = new Readable({ read() {} })
        r.destroy()
        return r
      },
      "had failed": () => {
        const r = new Readable({ read() {} })
        r.on("error", () => {})
        r.destroy(new Error("broken"))
        return r
      }
    })
  ) {
    it.scopedLive(`a raw Readable that ${name} is an error of Encode`, () =>
      Effect.gen(function*() {
        const site = yield* recorder()
        const { client, pool } = yield* ours()
        const error = yield* Effect.flip(client.post(site.url, { body: HttpBody.raw(make()) }))
        assert.strictEqual(error.reason, "Encode")
        assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "RequestBodyFailed")
        yield* released(pool)
      }))
  }
  it.scopedLive("malformed percent signs are no defects", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const { client } = yield* ours()
      assert.strictEqual((yield* client.get(url.replace("http://", "http://a%er:b@"))).status, 200)
      assert.strictEqual((yield* Effect.flip(client.get("http+unix://%ZZ/x"))).reason, "InvalidUrl")
      assert.strictEqual((yield* Effect.flip(client.get("http+unix:///x"))).reason, "InvalidUrl")
    }))
  it.scopedLive("a body that cannot be printed is no defect", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const { client } = yield* ours()
      assert.strictEqual(
        (yield* Effect.flip(client.post(url, { body: HttpBody.raw(Object.create(null)) }))).reason,
        "Encode"
      )
    }))
  it.scopedLive("withScope ends a request that has no answer yet", () =>
    Effect.gen(function*() {
      const site = yield* serve(() => {})
      const { client, pool } = yield* ours()
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkDaemon(HttpClient.withScope(client).get(site.url).pipe(Scope.extend(scope)))
      yield* until("arrived", Effect.sync(() => site.open() === 1))
      yield* Scope.close(scope, Exit.void)
      const error = yield* Effect.flip(Fiber.join(fiber)).pipe(
        Effect.timeout("3 seconds"),
        Effect.ensuring(Fiber.interrupt(fiber))
      )
      assert.strictEqual(error._tag === "RequestError" && error.reason, "Transport")
      yield* released(pool)
    }))
  for (
    const head of ["HTP/7 nonsense\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"]
  ) {
    it.scopedLive(`P3 what is not HTTP is malformed: ${JSON.stringify(head)}`, () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.raw([head]))
        const { client } = yield* ours()
        const error = yield* Effect.flip(client.get(peer.origin))
        assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "ResponseMalformed")
      }))
  }
  it.scopedLive("url.full of a span has its own fragment", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const { client } = yield* ours()
      const record = yield* recorded
      yield* record.on(
        Effect.all([client.get(url, { hash: "one" }), client.get(url), client.get(url, { hash: "two" })])
      )
      assert.deepStrictEqual(record.spans.map((s) => s.attributes.get("url.full")), [
        `${url}/#one`,
        `${url}/`,
        `${url}/#two`
      ])
    }))
  it.scopedLive("the message of InvalidUrl says what is wrong", () =>
    Effect.gen(function*() {
      const { client } = yield* ours()
      assert.match((yield* Effect.flip(client.get("ftp://x/"))).message, /"ftp:" is not allowed/)
    }))
})

describe("the environment", () => {
  it.effect("a duration of 0 needs no unit", () =>
    Effect.gen(function*() {
      const read = HttpAdapterConfig.config.pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["WATERTIGHT_KEEP_ALIVE_SKEW", "0"]])))
      )
      assert.deepStrictEqual(yield* read, { keepAliveSkew: 0 })
    }))
})
