/** Bytes that nobody asked for: before the request, behind the response, or in the place of a body that cannot be. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Origin } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"

import { attacks, gives, good, head, lost, ok } from "./attack.ts"
import { outcomeOf, recovered, settled, trial } from "./rig.ts"

const evil = `${ok}content-length: 4\r\n\r\nevil`
const malformed = lost("ResponseMalformed")

describe("behind a response, in the same packet", () => {
  attacks("P3", [
    { title: "one more byte", says: [`${good}x`], gives: gives(200, "ok") },
    { title: "a text", says: [`${good}good bye\r\n`], gives: gives(200, "ok") },
    { title: "another response", says: [`${good}${evil}`], gives: gives(200, "ok") },
    { title: "half of another response", says: [`${good}HTTP/1.1 200`], gives: gives(200, "ok") },
    { title: "an interim response", says: [`${good}HTTP/1.1 103 Hints\r\n\r\n`], gives: gives(200, "ok") },
    {
      title: "another response behind chunks",
      gives: gives(200, "ok"),
      says: [
        `${ok}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${evil}`
      ]
    },
    {
      title: "another response behind nothing",
      says: [`${ok}content-length: 0\r\n\r\n${evil}`],
      gives: gives(200, "")
    },
    {
      title: "another response behind the last",
      gives: gives(200, "ok"),
      says: [
        `${ok}connection: close\r\ncontent-length: 2\r\n\r\nok${evil}`
      ]
    },
    { title: "an empty line, which is harmless", says: [`${good}\r\n`], gives: gives(200, "ok"), keeps: true }
  ])
})

describe("in the place of a body that cannot be", () => {
  const status = (line: string, length: string) => `HTTP/1.1 ${line}\r\n${length}\r\n`
  attacks("P3", [
    { title: "a body behind 204", says: [`${status("204 No Content", "")}ab`], gives: gives(204, "") },
    {
      title: "a body and its length behind 204",
      says: [`${status("204 No Content", "content-length: 2\r\n")}ab`],
      gives: gives(204, "")
    },
    { title: "a response behind 204", says: [`${status("204 No Content", "")}${evil}`], gives: gives(204, "") },
    { title: "nothing behind 204", says: [status("204 No Content", "")], gives: gives(204, ""), keeps: true },
    { title: "a body behind 304", says: [`${status("304 Not Modified", "")}ab`], gives: gives(304, "") },
    {
      title: "a body and its length behind 304",
      says: [`${status("304 Not Modified", "content-length: 2\r\n")}ab`],
      gives: gives(304, "")
    },
    {
      title: "chunks behind 304",
      gives: gives(304, ""),
      says: [
        `${status("304 Not Modified", "transfer-encoding: chunked\r\n")}2\r\nab\r\n0\r\n\r\n`
      ]
    },
    { title: "nothing behind 304", says: [status("304 Not Modified", "")], gives: gives(304, ""), keeps: true },
    { title: "a body behind the answer to HEAD", to: head, says: [good], gives: gives(200, "") },
    {
      title: "a response behind the answer to HEAD",
      to: head,
      says: [`${ok}content-length: 2\r\n\r\n${evil}`],
      gives: gives(200, "")
    },
    {
      title: "chunks behind the answer to HEAD",
      to: head,
      gives: gives(200, ""),
      says: [
        `${ok}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`
      ]
    },
    {
      title: "nothing behind the answer to HEAD",
      to: head,
      says: [`${ok}content-length: 2\r\n\r\n`],
      gives: gives(200, ""),
      keeps: true
    },
    {
      title: "nothing behind the answer to HEAD, in chunks",
      to: head,
      says: [
        `${ok}transfer-encoding: chunked\r\n\r\n`
      ],
      gives: gives(200, ""),
      keeps: true
    }
  ])

  // The length is of the body that a 200 would have: servers may tell it, and the response is as good as any.
  attacks("P3", [
    {
      title: "nothing behind 304 with a length",
      says: [status("304 Not Modified", "content-length: 2\r\n")],
      gives: gives(304, "")
    }
  ])
})

describe("interim responses", () => {
  const interim = (line: string) => `HTTP/1.1 ${line}\r\n\r\n`
  attacks("S5", [
    {
      title: "102 and 103 are passed over",
      says: [`${interim("102 Processing")}${interim("103 Hints")}${good}`],
      gives: gives(200, "ok"),
      keeps: true
    },
    {
      title: "in packets of their own as well",
      says: [interim("102 Processing"), interim("103 Hints"), good],
      gives: gives(200, "ok"),
      keeps: true
    },
    {
      title: "with a length, which means nothing",
      says: [`HTTP/1.1 103 Hints\r\ncontent-length: 9\r\n\r\n${good}`],
      gives: gives(200, "ok"),
      keeps: true
    },
    { title: "an unexpected 100 costs the connection", says: [interim("100 Continue"), good], gives: malformed },
    {
      title: "101 to a protocol that nobody asked for",
      gives: malformed,
      says: [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02hi"
      ]
    },
    {
      title: "an offer to upgrade is no upgrade",
      says: [
        `${ok}connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nok`
      ],
      gives: gives(200, "ok"),
      keeps: true
    }
  ])
})

describe("to an idle connection", () => {
  for (
    const [what, bytes] of [["a text", "good bye"], ["a response", evil], ["an interim response", `HTTP/1.1 103 H`]]
  ) {
    it.effect(`P3 ${what} ends it, and the next request has another one`, () =>
      trial(Faults.answers(), {}, (rig) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(
            yield* outcomeOf(rig, HttpClientRequest.get(`${rig.peer.origin}/first`)),
            gives(200, "ok")
          )
          yield* settled(rig, 1)
          rig.peer.connections[0]?.socket.write(bytes ?? "")
          yield* recovered(rig, 0)
          assert.deepStrictEqual(rig.peer.connections[0]?.requests.map(({ target }) => target), ["/first"])
        })))
  }

  it.effect("P3 before its first request ends it too", () =>
    trial(Faults.answers(), {}, (rig) =>
      Effect.gen(function*() {
        const { hostname, port } = new URL(rig.peer.origin)
        const origin = Origin.make({ host: hostname, port: Number(port) })
        yield* Effect.orDie(rig.pool.warm(origin, 1))
        yield* settled(rig, 1)
        rig.peer.connections[0]?.socket.write(evil)
        yield* recovered(rig, 0)
        assert.deepStrictEqual(rig.peer.connections[0]?.requests, [])
      })))
})
