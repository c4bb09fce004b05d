/** What changes something at the server is never sent twice, as recorded on the server's side. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { HttpError } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import type { Rig } from "./rig.ts"
import { causeOf, rig, textOf } from "./rig.ts"

type Behaviour = Peer.Behaviour

/** How often the head of a request for this target has reached the server, whole requests or not. */
const arrivals = (peer: Peer.Peer, method: string, target: string): number =>
  peer.connections.reduce(
    (sum, connection) =>
      sum + connection.bytes().toString("latin1").split(`${method} ${target} HTTP/1.1\r\n`).length - 1,
    0
  )

/** A request after a GET, so that the connection has been used before; "ok", or the tag of its failure. */
const after = (rigged: Rig, peer: Peer.Peer, request: HttpClientRequest.HttpClientRequest) =>
  Effect.zipRight(
    textOf(rigged, peer.origin),
    Effect.either(Effect.flatMap(rigged.client.execute(request), (response) => response.text))
  )

const bytes = HttpBody.text("pay once")
const streamed = (pieces: number) =>
  HttpBody.stream(Stream.range(1, pieces).pipe(Stream.map(() => Buffer.alloc(64 * 1024, "x"))))

const cases: Record<
  string,
  { readonly behaviour: Behaviour; readonly body: HttpBody.HttpBody; readonly times: number }
> = {
  "reset as it arrives": { behaviour: Faults.closesAsRequestArrives(1, "reset"), body: bytes, times: 300 },
  "ended as it arrives": { behaviour: Faults.closesAsRequestArrives(1, "end"), body: bytes, times: 300 },
  "closed behind the answer before": { behaviour: Faults.closesBehindAnswer(1, "end"), body: bytes, times: 300 },
  "reset behind the answer before": { behaviour: Faults.closesBehindAnswer(1, "reset"), body: bytes, times: 300 },
  "closed amid a long body": {
    behaviour: {
      ...Faults.answers(),
      onBytes: (connection) => {
        if (/\/pay-/u.test(connection.bytes().toString("latin1"))) connection.socket.resetAndDestroy()
      }
    },
    body: HttpBody.raw(Buffer.alloc(1024 * 1024, "x")),
    times: 30
  },
  "closed as a streamed body begins": {
    behaviour: Faults.closesAsRequestArrives(1, "reset"),
    body: streamed(2),
    times: 30
  }
}

describe("a POST whose bytes were written", () => {
  for (const [name, { behaviour, body, times }] of Object.entries(cases)) {
    it.scopedLive(`is never sent twice: ${name}`, () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(behaviour)
        const rigged = yield* rig()
        let failures = 0
        for (let round = 0; round < times; round++) {
          const target = `/pay-${round}-`
          const sent = HttpClientRequest.post(peer.origin + target).pipe(HttpClientRequest.setBody(body))
          const result = yield* after(rigged, peer, sent)
          const arrived = arrivals(peer, "POST", target)
          if (Either.isRight(result)) assert.deepStrictEqual([result.right, arrived], ["ok", 1])
          else {
            failures++
            assert.isAtMost(arrived, 1)
            const cause = HttpError.causeOf(result.left)
            assert(cause._tag === "Some" && cause.value._tag === "ConnectionLost", result.left.message)
          }
        }
        // What the server closed before the request could leave is no failure: then it went over another connection.
        if (!name.includes("behind")) assert.strictEqual(failures, times)
      }), 60_000)
  }

  it.scopedLive("is sent again when it says that it may be, by an Idempotency-Key", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.closesAsRequestArrives(1))
      const rigged = yield* rig()
      const sent = HttpClientRequest.post(`${peer.origin}/pay`, { body: bytes, headers: { "idempotency-key": "1" } })
      assert.deepStrictEqual(yield* after(rigged, peer, sent), Either.right("ok"))
      assert.strictEqual(arrivals(peer, "POST", "/pay"), 2)
      assert.deepStrictEqual(peer.requests().slice(1).map((one) => one.body.toString()), ["pay once", "pay once"])
    }))

  for (const [method, twice] of [["PUT", true], ["DELETE", true], ["HEAD", true], ["PATCH", false]] as const) {
    it.scopedLive(`${method} is sent ${twice ? "again" : "once"}`, () =>
      Effect.gen(function*() {
        const peer = yield* Peer.start(Faults.closesAsRequestArrives(1))
        const rigged = yield* rig()
        const result = yield* after(rigged, peer, HttpClientRequest.make(method)(`${peer.origin}/it`))
        assert.strictEqual(Either.isRight(result), twice)
        assert.strictEqual(arrivals(peer, method, "/it"), twice ? 2 : 1)
      }))
  }

  it.scopedLive("on a new connection is not sent again either, and the error says that it was written", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.closesAsRequestArrives(0))
      const rigged = yield* rig()
      const cause = yield* causeOf(rigged.client.post(`${peer.origin}/pay`, { body: bytes }))
      assert.deepInclude(cause, { _tag: "ConnectionLost", written: true, answered: false })
      assert.strictEqual(arrivals(peer, "POST", "/pay"), 1)
      assert.strictEqual(peer.accepted(), 1)
    }))
})
