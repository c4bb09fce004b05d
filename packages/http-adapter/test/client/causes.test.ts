/** Every cause of a failure: it can be told by its tag, and sits in the platform's error with the reason for it. */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Exit, Option, Scope, Stream } from "effect"
import { gzipSync } from "node:zlib"
import { EgressPolicy, type HttpAdapterConfig, HttpError, PooledHttpClient, Resolver } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { answer, ours, recorder, refused, released } from "./rig.ts"

type Reason = HttpClientError.HttpClientError["reason"]
type Failing = Effect.Effect<HttpClientError.HttpClientError, unknown, Scope.Scope>

class NoMore extends Data.TaggedError("NoMore") {
  override readonly message = "no more"
}

interface Case {
  readonly reason: Reason
  readonly message: RegExp
  readonly fails: Failing
}

type Response = HttpClientResponse.HttpClientResponse

/** A request to a peer that behaves so, and what is done with its response. */
const over = (
  behaviour: Peer.Behaviour,
  options: Partial<HttpAdapterConfig.Options> = {},
  read: (response: Response) => Effect.Effect<unknown, HttpClientError.HttpClientError> = (response) => response.text,
  scheme = "http"
): Failing =>
  Effect.gen(function*() {
    const peer = yield* Peer.start(behaviour)
    const { client, pool } = yield* ours(options)
    const url = peer.origin.replace("http", scheme)
    const error = yield* Effect.flip(Effect.flatMap(client.get(url), read))
    yield* released(pool)
    return error
  })

/** A request to a host whose name is resolved so. */
const named = (
  resolver: Resolver.ResolverService["resolve"],
  options: Partial<HttpAdapterConfig.Options> = {}
): Failing =>
  Effect.flatMap(
    ours(options, Resolver.layer({ resolve: resolver })),
    ({ client }) => Effect.flip(client.get("http://users.test/"))
  )

const held = (options: Partial<HttpAdapterConfig.Options>, url = (own: string) => own): Failing =>
  Effect.gen(function*() {
    const { url: own } = yield* answer(() => {})
    const { client, pool } = yield* ours({ maxConnectionsPerHost: 1, shutdownGrace: 0, ...options })
    // whose own time is not what is looked at
    yield* Effect.fork(PooledHttpClient.withOptions(client.get(own), { acquireTimeout: "15 seconds" }))
    yield* until("it is held", Effect.map(pool.stats, ({ active }) => active === 1))
    return yield* Effect.flip(client.get(url(own)))
  })

const zipped = Faults.response(gzipSync("four"), "200 OK", "content-encoding: gzip\r\n")

const posted = (body: HttpBody.HttpBody): Failing =>
  Effect.gen(function*() {
    const { url } = yield* recorder()
    const { client } = yield* ours()
    return yield* Effect.flip(client.post(url, { body }))
  })

const cases: { readonly [Tag in HttpError.HttpError["_tag"]]: Case } = {
  ResolveFailed: {
    reason: "Transport",
    message: /users\.test: its addresses could not be found \(not in the list\)/,
    fails: Effect.flatMap(
      ours({}, Resolver.layerStatic({})),
      ({ client }) => Effect.flip(client.get("http://users.test/"))
    )
  },
  ConnectFailed: {
    reason: "Transport",
    message: /127\.0\.0\.1 could not be connected \(ECONNREFUSED\)/,
    fails: Effect.flatMap(ours(), ({ client }) => Effect.flatMap(refused, (url) => Effect.flip(client.get(url))))
  },
  TlsFailed: {
    reason: "Transport",
    message: /https:\/\/127\.0\.0\.1:\d+: no TLS with 127\.0\.0\.1 \(/,
    fails: over(Faults.speaksFirst("HTTP/1.1 400 Bad Request\r\n\r\n"), {}, undefined, "https")
  },
  EgressDenied: {
    reason: "InvalidUrl",
    message:
      /127\.0\.0\.1:\d+: port \d+ at 127\.0\.0\.1 is refused by the egress policy \(loopback: address 127\.0\.0\.0\/8\)/,
    fails: Effect.flatMap(
      ours({ egress: EgressPolicy.publicOnly }),
      ({ client }) => Effect.flatMap(refused, (url) => Effect.flip(client.get(url)))
    )
  },
  ProxyFailed: {
    reason: "Transport",
    message:
      /no tunnel through the proxy http:\/\/127\.0\.0\.1:\d+ at 127\.0\.0\.1 \(403 to a tunnel to port 80; it may/,
    fails: Effect.gen(function*() {
      const proxy = yield* Peer.start(Faults.raw(["HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"]))
      const { client } = yield* ours({ proxy: proxy.origin })
      return yield* Effect.flip(client.get("http://users.test/"))
    })
  },
  IdentityUnknown: {
    reason: "Encode",
    message: /identity: "nobody" is not known; allowed: one, two/,
    fails: Effect.gen(function*() {
      const { client } = yield* ours({ identities: { one: {}, two: { minVersion: "TLSv1.3" } } })
      return yield* Effect.flip(
        client.get("http://users.test/").pipe(PooledHttpClient.withOptions({ identity: "nobody" }))
      )
    })
  },
  RequestInvalid: {
    reason: "Encode",
    message: /body: 5 is not allowed; allowed: a text, bytes/,
    fails: posted(HttpBody.raw(5))
  },
  RequestBodyFailed: {
    reason: "Encode",
    message: /the body of the request could not be sent \(no more\)/,
    fails: posted(HttpBody.stream(Stream.fail(new NoMore())))
  },
  ConnectionLost: {
    reason: "Transport",
    message: /127\.0\.0\.1:\d+: the connection ended before the response/,
    fails: over(Faults.closesAsRequestArrives(0))
  },
  ResponseTimeout: {
    reason: "Transport",
    message: /no response within 20 ms/,
    fails: over(Faults.neverAnswers, { responseTimeout: "20 millis" })
  },
  BodyTimeout: {
    reason: "Decode",
    message: /the body paused for longer than 20 ms/,
    fails: over(Faults.raw(["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"]), { bodyTimeout: "20 millis" })
  },
  TotalTimeout: {
    reason: "Transport",
    // of a slow machine it may be the connection
    message: /not done within 20 ms; it waited for (?:the response|a connection)/,
    fails: over(Faults.neverAnswers, { totalTimeout: "20 millis" })
  },
  DecompressedTooLarge: {
    reason: "Decode",
    message: /the body of the response is larger than 3 bytes when it is decompressed/,
    fails: over(Faults.answers(() => zipped), { decompress: true, maxDecompressedSize: 3 })
  },
  DecompressionFailed: {
    reason: "Decode",
    message: /the body of the response cannot be decoded as br \(/,
    fails: over(Faults.raw(["HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 4\r\n\r\nabcd"]), {
      decompress: true
    })
  },
  ResponseMalformed: {
    reason: "Transport",
    message: /the response is malformed \(/,
    fails: over(Faults.raw(["HTP/7 nonsense\r\n\r\n"]))
  },
  HeadersTooLarge: {
    reason: "Transport",
    message: /the head of the response is larger than 1000 bytes/,
    fails: over(Faults.raw([`HTTP/1.1 200 OK\r\nx: ${"y".repeat(2000)}\r\n\r\n`]), { maxHeaderSize: 1000 })
  },
  BodyTooLarge: {
    reason: "Decode",
    message: /the body of the response is larger than 3 bytes/,
    fails: over(Faults.answers(() => Faults.response("four")), { maxResponseSize: 3 })
  },
  BodyClosed: {
    reason: "Decode",
    message: /the body is closed \(it was read as a stream before\)/,
    fails: over(Faults.answers(), {}, (response) => Effect.zipRight(Stream.runDrain(response.stream), response.text))
  },
  QueueFull: {
    reason: "Transport",
    message: /the queue of 0 waiters is full \(waited \d+ ms; active 1, idle 0/,
    fails: held({ maxWaitersPerHost: 0 })
  },
  AcquireTimeout: {
    reason: "Transport",
    message: /no connection within 20 ms.*active 1.*limit 1/,
    fails: held({ acquireTimeout: "20 millis" })
  },
  ResolveTimeout: {
    reason: "Transport",
    message: /its addresses were not resolved within 20 ms/,
    fails: named(() => Effect.never, { resolveTimeout: "20 millis" })
  },
  ConnectTimeout: {
    reason: "Transport",
    message: /127\.0\.0\.1 was not connected within 20 ms/,
    fails: over(Faults.neverAnswers, { connectTimeout: "20 millis" }, undefined, "https")
  },
  PoolClosed: {
    reason: "Transport",
    message: /the pool is closed/,
    fails: Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { client } = yield* Scope.extend(ours(), scope)
      yield* Scope.close(scope, Exit.void)
      return yield* Effect.flip(client.get("http://127.0.0.1:1/"))
    })
  },
  HostUnavailable: {
    reason: "Transport",
    message: /http:\/\/users\.test: the resolver knows no address/,
    fails: named(() => Effect.succeed({ addresses: [] }))
  },
  TooManyHosts: {
    reason: "Transport",
    message: /the pool already serves 1 hosts/,
    fails: held({ maxHosts: 1 }, (url) => url.replace("127.0.0.1", "127.0.0.2"))
  }
}

describe("a cause can be told by its tag, and the error by its reason and message", () => {
  for (const [tag, { fails, message, reason }] of Object.entries(cases)) {
    it.scopedLive(tag, () =>
      Effect.gen(function*() {
        const error = yield* fails
        const cause = Option.getOrThrow(HttpError.causeOf(error))
        assert.deepStrictEqual([cause._tag, error.reason], [tag, reason])
        assert.strictEqual(error._tag, reason === "Decode" ? "ResponseError" : "RequestError")
        assert.match(error.message, message)
        assert.include(error.message, reason)
        assert.include(error.message, cause.message)
      }))
  }

  it.scopedLive("what does not come from the pool has no such cause", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.end("{"))
      const { client } = yield* ours()
      const error = yield* Effect.flip(Effect.flatMap(client.get(url), (response) => response.json))
      assert.strictEqual(error.reason, "Decode")
      assert.isTrue(Option.isNone(HttpError.causeOf(error)))
      assert.instanceOf(error.cause, SyntaxError)
    }))
})
