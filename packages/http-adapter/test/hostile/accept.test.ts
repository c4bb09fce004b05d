/** Peers that accept and then do anything but wait for a request. In real time, since the pool paces its dials to some of them. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Faults from "../parts/tcp/faults.ts"
import type { Behaviour } from "../parts/tcp/peer.ts"
import { outcomeOf, recovered, trial } from "./rig.ts"

/** No dial may be held back by what the pool has learned of the peer. */
const unbroken = { breaker: { failures: Infinity } }

const peers: Readonly<Record<string, Behaviour>> = {
  "resets": Faults.resetsOnAccept,
  "ends": Faults.endsOnAccept,
  "resets at the first byte": Faults.closesOnBytes("reset"),
  "ends at the first byte": Faults.closesOnBytes("end"),
  "says something else first, and resets": {
    onConnect: ({ socket }) => void socket.write("220 mail ESMTP\r\n", () => socket.resetAndDestroy())
  },
  "says something else first": Faults.speaksFirst("SSH-2.0-OpenSSH_9.6\r\n"),
  "begins a response first": Faults.speaksFirst("HTTP/1.1 200 OK\r\nx:", Faults.closesOnBytes("end")),
  "says that it is busy, and ends": {
    onConnect: ({ socket }) =>
      void socket.end("HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbusy")
  }
}

describe("a peer that accepts and", () => {
  for (const [title, behaviour] of Object.entries(peers)) {
    for (const method of ["GET", "POST"] as const) {
      it.live(`S5 ${title}, at a ${method}`, () =>
        trial(behaviour, unbroken, (rig) =>
          Effect.gen(function*() {
            const outcome = yield* outcomeOf(rig, HttpClientRequest.make(method)(rig.peer.origin))
            if ("failed" in outcome) {
              assert.deepInclude(outcome, { failed: "RequestError", reason: "Transport" })
              assert.include(["ConnectFailed", "ConnectionLost", "ResponseMalformed"], outcome.cause)
            } else {
              // It may have been read as the answer: whoever answers too early cannot be told from whoever answers at once.
              assert.deepStrictEqual(outcome, { status: 503, body: "busy" })
              assert.strictEqual(title, "says that it is busy, and ends")
            }
            assert.isAtMost(rig.peer.requests().length, 1)
            yield* recovered(rig, 0)
          })))
    }
  }
})
