/** What servers say about the life of a connection, what they do instead, and what they do at the wrong moment. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Faults from "../parts/tcp/faults.ts"
import { attacks, gives, ok } from "./attack.ts"
import type { Rig } from "./rig.ts"
import { healthy, outcomeOf, recovered, settled, trial } from "./rig.ts"

const rest = "content-length: 2\r\n\r\nok"
const fine = gives(200, "ok")

describe("a server says", () => {
  const says = (line: string, header = "") => [`${line}\r\n${header}${rest}`]
  attacks("P3", [
    { title: "HTTP/1.0", says: says("HTTP/1.0 200 OK"), gives: fine },
    {
      title: "HTTP/1.0, but keep-alive",
      says: says("HTTP/1.0 200 OK", "connection: keep-alive\r\n"),
      gives: fine,
      keeps: true
    },
    {
      title: "HTTP/1.0, keep-alive, but no length",
      says: ["HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\nok"],
      ends: "end",
      gives: fine
    },
    {
      title: "HTTP/1.0 and chunks",
      says: [
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
      ],
      gives: fine
    },
    { title: "HTTP/2.0 in the words of HTTP/1.1", says: says("HTTP/2.0 200 OK"), gives: fine },
    { title: "close", says: says("HTTP/1.1 200 OK", "connection: close\r\n"), gives: fine },
    { title: "Close, among others", says: says("HTTP/1.1 200 OK", "Connection: x-other, CLOSE\r\n"), gives: fine },
    {
      title: "close in a second header",
      gives: fine,
      says: says(
        "HTTP/1.1 200 OK",
        "connection: keep-alive\r\nconnection: close\r\n"
      )
    },
    {
      title: "close behind chunks",
      gives: fine,
      says: [
        `${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`
      ]
    },
    {
      title: "close without a body",
      says: [`${ok}connection: close\r\ncontent-length: 0\r\n\r\n`],
      gives: gives(200, "")
    },
    {
      title: "close to a proxy that there is not",
      gives: fine,
      says: says(
        "HTTP/1.1 200 OK",
        "proxy-connection: close\r\n"
      )
    }
  ])
})

describe("a server says keep-alive:", () => {
  const says = (value: string) => [`${ok}keep-alive: ${value}\r\n${rest}`]
  attacks("P4", [
    { title: "timeout=0", says: says("timeout=0"), gives: fine },
    // the skew of a second is more than is left
    { title: "timeout=1", says: says("timeout=1"), gives: fine },
    { title: "timeout=60", says: says("timeout=60, max=100"), gives: fine, keeps: true },
    { title: "a number of 400 digits", says: says(`timeout=${"9".repeat(400)}`), gives: fine, keeps: true },
    { title: "a number beyond all timers", says: says("timeout=99999999999"), gives: fine, keeps: true },
    { title: "a negative number", says: says("timeout=-1"), gives: fine, keeps: true },
    { title: "a word", says: says("timeout=soon"), gives: fine, keeps: true },
    { title: "nothing", says: says("timeout="), gives: fine, keeps: true },
    { title: "something else", says: says("\xff=;;,timeout,=5"), gives: fine, keeps: true },
    {
      title: "timeout=0 in an interim response, which means nothing",
      gives: fine,
      keeps: true,
      says: [
        `HTTP/1.1 103 Hints\r\nkeep-alive: timeout=0\r\n\r\n${ok}${rest}`
      ]
    }
  ])

  it.effect("P4 timeout=5, and the connection goes before that", () =>
    trial(Faults.raw(says("timeout=5")), {}, (rig) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* outcomeOf(rig, HttpClientRequest.get(rig.peer.origin)), fine)
        yield* TestClock.adjust("3500 millis")
        yield* settled(rig, 1)
        yield* TestClock.adjust("500 millis")
        yield* recovered(rig, 0)
      })))
})

describe("a server closes an idle connection at the moment of the next request", () => {
  const moments: Readonly<Record<string, (rig: Rig) => void>> = {
    "with its end": ({ peer }) => void peer.connections[0]?.socket.end(),
    "with a reset": ({ peer }) => peer.connections[0]?.socket.resetAndDestroy(),
    "with a last word": ({ peer }) => void peer.connections[0]?.socket.end(`HTTP/1.1 408 Timeout\r\n${rest}`),
    "with a curse": ({ peer }) => void peer.connections[0]?.socket.write("what?\r\n\r\n")
  }
  for (const [how, close] of Object.entries(moments)) {
    for (const method of ["GET", "POST", "PATCH"] as const) {
      it.effect(`P3 ${how}: nothing of the ${method} has been written, and it is served by another one`, () =>
        trial(healthy, {}, (rig) =>
          Effect.gen(function*() {
            yield* outcomeOf(rig, HttpClientRequest.get(`${rig.peer.origin}/first`))
            yield* settled(rig, 1)
            // Both in one turn of the loop: the request is on its way before the client can see what the peer did.
            const outcome = yield* Effect.flatten(Effect.async<ReturnType<typeof outcomeOf>>((resume) => {
              setTimeout(() => {
                close(rig)
                resume(Effect.succeed(outcomeOf(rig, HttpClientRequest.make(method)(`${rig.peer.origin}/second`))))
              })
            }))
            assert.deepStrictEqual(outcome, gives(200, `${method} /second`))
            const seen = rig.peer.connections.map(({ requests }) => requests.map(({ target }) => target))
            assert.deepStrictEqual(seen, [["/first"], ["/second"]])
            yield* recovered(rig, 1)
          })))
    }
  }

  it.effect("P3 its end of the connection alone: it answers and ends its side", () =>
    trial(Faults.halfCloses, {}, (rig) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* outcomeOf(rig, HttpClientRequest.get(rig.peer.origin)), fine)
        yield* recovered(rig, 0)
      })))
})
