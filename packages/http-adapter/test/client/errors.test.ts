/** Errors have the reasons that they have over layerUndici. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { agree, answer, compare, refused } from "./rig.ts"

type Response = HttpClientResponse.HttpClientResponse

describe("as over layerUndici", () => {
  const urls = ["", "/path", "http://", "http://a b/", "http://127.0.0.1:99999/", "::"]
  for (const url of urls) {
    it.scopedLive(`InvalidUrl: ${JSON.stringify(url)}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* agree((client) => client.get(url)), "RequestError InvalidUrl")
      }))
  }

  it.scopedLive("Transport: refused, reset, ended, malformed", () =>
    Effect.gen(function*() {
      const url = yield* refused
      assert.strictEqual(yield* agree((client) => client.get(url)), "RequestError Transport")
      const behaviours = [
        Faults.resetsOnAccept,
        Faults.endsOnAccept,
        Faults.closesAsRequestArrives(0),
        Faults.raw(["nonsense\r\n\r\n"], "end")
      ]
      for (const behaviour of behaviours) {
        const peer = yield* Peer.start(behaviour)
        assert.strictEqual(yield* agree((client) => client.get(peer.origin)), "RequestError Transport")
      }
    }))

  it.scopedLive("Decode: a body that is cut off, however it is read", () =>
    Effect.gen(function*() {
      const cut = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[1,"
      const peer = yield* Peer.start(Faults.raw([cut], "end"))
      const reads: ReadonlyArray<(response: Response) => Effect.Effect<unknown, HttpClientError.HttpClientError>> = [
        (response) => response.text,
        (response) => response.json,
        (response) => response.arrayBuffer,
        (response) => response.urlParamsBody,
        (response) => Stream.runDrain(response.stream)
      ]
      for (const read of reads) {
        const end = yield* agree((client) => Effect.flatMap(client.get(peer.origin), read))
        assert.strictEqual(end, "ResponseError Decode")
      }
    }))

  it.scopedLive("StatusCode", () =>
    Effect.gen(function*() {
      const { url } = yield* answer((_, response) => void response.writeHead(404).end())
      const end = yield* agree((client) => HttpClient.filterStatusOk(client).get(url))
      assert.strictEqual(end, "ResponseError StatusCode")
    }))

  it.scopedLive("but for a scheme that nobody speaks, which is a wrong URL to ours", () =>
    Effect.gen(function*() {
      for (const url of ["ftp://users.test/", "file:///etc/passwd", "users.test:80"]) {
        const ends = yield* compare((client) => client.get(url))
        assert.deepStrictEqual(ends, { ours: "RequestError InvalidUrl", theirs: "RequestError Transport" })
      }
    }))

  it.scopedLive("an error of Transport is transient", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.closesAsRequestArrives(0))
      let tries = 0
      const end = yield* agree((client) =>
        client.pipe(
          HttpClient.transformResponse((send) =>
            Effect.suspend(() => {
              peer.become(++tries % 3 === 0 ? Faults.answers() : Faults.closesAsRequestArrives(0))
              return send
            })
          ),
          HttpClient.retryTransient({ times: 3 })
        ).get(peer.origin).pipe(Effect.flatMap((response) => response.text))
      )
      assert.strictEqual(end, "ok")
      assert.strictEqual(tries, 6)
    }))
})
