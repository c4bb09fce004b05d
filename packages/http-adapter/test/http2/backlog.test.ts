/** What a peer can make of a pause: many small frames, which must not cost more than their bytes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Backlog } from "../../src/internal/backlog.ts"
import { until } from "../parts/waiting.ts"
import * as Frames from "./frames.ts"
import { rawPeer } from "./rawPeer.ts"
import { http2, quiet } from "./rig.ts"

const taken = (backlog: Backlog): ReadonlyArray<Uint8Array> => {
  const all: Array<Uint8Array> = []
  for (let piece = backlog.take(); piece !== undefined; piece = backlog.take()) all.push(piece)
  return all
}

describe("pieces that nobody wants yet", () => {
  it("come out as they went in, and small ones put together", () => {
    const backlog = new Backlog()
    const given = Array.from({ length: 3_000 }, (_, n) => Buffer.alloc(n % 100 === 0 ? 5_000 : 1 + n % 50, n))
    for (const piece of given) backlog.add(piece)
    const all = taken(backlog)
    assert.isTrue(Buffer.concat(all).equals(Buffer.concat(given)))
    assert.isAtMost(all.length, 70)
    assert.isTrue(backlog.empty)
    backlog.add(Buffer.from("again"))
    assert.strictEqual(String(taken(backlog)), String(Buffer.from("again")))
  })

  it("keep nothing of what came with them", () => {
    const backlog = new Backlog()
    backlog.add(new Uint8Array(new ArrayBuffer(65_536), 10, 100))
    assert.isAtMost(taken(backlog)[0]?.buffer.byteLength ?? Infinity, 16_384)
  })

  it.scopedLive("P8: a hundred thousand frames of one byte to a reader that rests take the room of a few", () =>
    Effect.gen(function*() {
      const count = 100_000
      const frames = Array.from({ length: count }, (_, n) => Frames.data(1, Buffer.of(n % 251), n === count - 1))
      const peer = yield* rawPeer({ request: (session) => session.send(Frames.headers(1), ...frames, Frames.ping()) })
      const ours = yield* http2({ readAhead: 1 })
      const response = yield* ours.client.get(peer.url)
      const session = yield* peer.session(0)
      // it is answered after everything before it is taken
      yield* until("all has come", Effect.sync(() => session.ofType(Frames.Type.ping).some(Frames.isAck)))
      const pieces = yield* Stream.runCollect(response.stream)
      assert.isTrue(
        Buffer.concat([...pieces]).equals(Buffer.from(Array.from({ length: count }, (_, n) => n % 251)))
      )
      assert.isAtMost(pieces.length, 200)
      yield* quiet(ours, 1)
    }))
})
