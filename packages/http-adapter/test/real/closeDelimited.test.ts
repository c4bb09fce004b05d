/** Bodies that end with their connection, larger than what is read ahead: undici's parser must never find itself paused at the end. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Stream } from "effect"
import { HttpError } from "../../src/index.ts"
import type { Behaviour } from "../parts/tcp/peer.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { type Rig, rig } from "./rig.ts"

const size = 400_000
const body = Buffer.alloc(size, "x")

const heads = {
  "without a length": "HTTP/1.1 200 OK\r\n\r\n",
  "with a length and Connection: close": `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${size}\r\n\r\n`
}

/** What the peer does when all of it is written. */
const ends: Record<"keeps" | "ends" | "resets", Behaviour["onRequest"]> = {
  keeps: ({ socket }) => void socket.write(body),
  ends: ({ socket }) => void socket.end(body),
  resets: ({ socket }) => void socket.write(body, () => socket.resetAndDestroy())
}

const peer = (head: string, end: keyof typeof ends) =>
  Peer.start({
    onRequest: (connection, request) => {
      connection.socket.write(head)
      ends[end]?.(connection, request)
    }
  })

const released = ({ pool }: Rig) =>
  until("nothing is held", Effect.map(pool.stats, ({ active, total }) => active === 0 && total === 0))

for (const [what, head] of Object.entries(heads)) {
  describe(what, () => {
    for (const end of ["keeps", "ends", "resets"] as const) {
      it.scopedLive(`P6: unread, of a peer that ${end}, it costs its connection and nothing else`, () =>
        Effect.gen(function*() {
          const { origin } = yield* peer(head, end)
          const rigged = yield* rig({ unreadTimeout: "30 millis" })
          const response = yield* rigged.client.get(origin)
          assert.strictEqual(response.status, 200)
          yield* released(rigged)
        }))
    }

    it.scopedLive("is whole when its peer has ended it, however late it is read", () =>
      Effect.gen(function*() {
        const { connections, origin } = yield* peer(head, "ends")
        const rigged = yield* rig()
        const response = yield* rigged.client.get(origin)
        yield* until("the peer has written it", Effect.sync(() => connections[0]?.socket.writableEnded === true))
        assert.strictEqual(yield* Stream.runFold(response.stream, 0, (sum, piece) => sum + piece.length), size)
        yield* released(rigged)
      }))

    it.scopedLive("P6: interrupted while it is read, it costs its connection and nothing else", () =>
      Effect.gen(function*() {
        const { origin } = yield* peer(head, "keeps")
        const rigged = yield* rig()
        const reader = yield* Effect.fork(
          Effect.flatMap(
            rigged.client.get(origin),
            (response) => Stream.runForEach(response.stream, () => Effect.never)
          )
        )
        yield* until("it is being read", Effect.map(rigged.pool.stats, ({ active }) => active === 1))
        yield* Fiber.interrupt(reader)
        yield* released(rigged)
      }))
  })
}

describe("a body that only its connection ends", () => {
  it.scopedLive("P9: is not whole when the pool ends the connection", () =>
    Effect.gen(function*() {
      const { origin } = yield* Peer.start({
        onRequest: ({ socket }) => void socket.write("HTTP/1.1 200 OK\r\n\r\nhalf")
      })
      const { client, pool } = yield* rig({ shutdownGrace: "20 millis" })
      const reader = yield* Effect.fork(Effect.exit(Effect.flatMap(client.get(origin), (response) => response.text)))
      yield* until("it is being read", Effect.map(pool.stats, ({ active }) => active === 1))
      yield* pool.shutdown
      const exit = yield* Fiber.join(reader)
      if (Exit.isSuccess(exit)) assert.fail(`read ${JSON.stringify(exit.value)}`)
      const error = yield* Effect.flip(exit)
      assert.strictEqual(Option.getOrThrow(HttpError.causeOf(error))._tag, "ConnectionLost")
    }))
})
