/** What servers say about the life of a connection, what they do instead, and what they do at the wrong moment. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import * as Faults from "../parts/tcp/faults.ts"
import { attacks, gives, lost, ok } from "./attack.ts"
import type { Rig } from "./rig.ts"
import { healthy, outcomeOf, recovered, settled, trial } from "./rig.ts"
import { cutsAttempts } from "./writing.ts"

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
    { title: "timeout=1", says: says("timeout=1"), gives: fine, keeps: true },
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

  // A second before the server does, which may be slower to say so than to do it; of a short time, half.
  for (const [seconds, millis] of [[5, 4_000], [2, 1_000], [1, 500]] as const) {
    it.effect(`P4 timeout=${seconds}, and the connection goes before that`, () =>
      trial(Faults.raw(says(`timeout=${seconds}`)), {}, (rig) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* outcomeOf(rig, HttpClientRequest.get(rig.peer.origin)), fine)
          yield* TestClock.adjust(millis - 1)
          yield* settled(rig, 1)
          yield* TestClock.adjust(1)
          yield* recovered(rig, 0)
        })))
  }
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

  it.effect("P3 and so all the others: a request is sent again over a new one, not over another old one", () =>
    trial(Faults.answers(), { maxConnectionsPerHost: 3 }, (rig) =>
      Effect.gen(function*() {
        const { peer } = rig
        const get = outcomeOf(rig, HttpClientRequest.get(peer.origin))
        yield* Effect.all(Array.from({ length: 3 }, () => get), { concurrency: 3 })
        assert.strictEqual(peer.accepted(), 3)
        peer.become(Faults.answers((_, { index, socket }) => {
          if (index >= 3) return Faults.response("new")
          socket.resetAndDestroy()
          return Buffer.alloc(0)
        }))
        assert.deepStrictEqual(yield* get, gives(200, "new"))
        assert.deepStrictEqual(peer.connections.map(({ requests }) => requests.length).toSorted(), [1, 1, 1, 2])
      })))

  for (const method of ["GET", "POST"] as const) {
    it.effect(`P3 and so the next and the next, before a byte of a ${method} is written: it is tried twice`, () =>
      trial(healthy, { breaker: { failures: Infinity } }, (rig) =>
        Effect.gen(function*() {
          const { attempts } = yield* cutsAttempts(rig, "/cut")
          const outcome = yield* outcomeOf(rig, HttpClientRequest.make(method)(`${rig.peer.origin}/cut`))
          assert.deepStrictEqual(outcome, lost("ConnectionLost"))
          assert.strictEqual(attempts(), 2)
          assert.deepStrictEqual(rig.peer.requests(), [])
          yield* recovered(rig, 0)
        })))
  }

  it.effect("P3 its end of the connection alone: it answers and ends its side", () =>
    trial(Faults.halfCloses, {}, (rig) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* outcomeOf(rig, HttpClientRequest.get(rig.peer.origin)), fine)
        yield* recovered(rig, 0)
      })))
})

describe("whoever waits for the one connection that there is gets another one when a response was its last:", () => {
  const lasts: Readonly<Record<string, string>> = {
    "by the server's word": `${ok}connection: close\r\n${rest}`,
    "as in HTTP/1.0": `HTTP/1.0 200 OK\r\n${rest}`,
    "by what follows it": `${ok}${rest}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`,
    "by a timeout that is over": `${ok}keep-alive: timeout=0\r\n${rest}`
  }
  for (const [title, last] of Object.entries(lasts)) {
    it.effect(`P3 ${title}`, () =>
      // without a second try that could hide a wrong connection
      trial(Faults.raw([last]), { replay: false }, (rig) =>
        Effect.gen(function*() {
          const get = outcomeOf(rig, HttpClientRequest.get(rig.peer.origin))
          const outcomes = yield* Effect.all(Array.from({ length: 10 }, () => get), { concurrency: "unbounded" })
          assert.deepStrictEqual(outcomes, Array.from({ length: 10 }, () => fine))
          assert.deepStrictEqual(rig.peer.connections.map(({ requests }) => requests.length), Array(10).fill(1))
          yield* recovered(rig, 0)
        })))
  }
})
