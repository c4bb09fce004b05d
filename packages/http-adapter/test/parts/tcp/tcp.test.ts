/** The faults of TCP peers, proven by Node's own clients alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Path from "node:path"
import { agent, request, text } from "../nodeClient.ts"
import { folder } from "../part.ts"
import { until } from "../waiting.ts"
import * as Faults from "./faults.ts"
import * as Peer from "./peer.ts"
import * as Proxy from "./proxy.ts"

interface Client {
  readonly socket: Net.Socket
  /** what it has received so far, and how it has ended */
  readonly got: () => string
}

/** A bare client: it says what it is told to. */
const connect = (port: number, says = ""): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      let got = ""
      const socket = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true })
      socket.on("data", (chunk) => {
        got += chunk.toString()
      })
      socket.once("end", () => {
        got += "[end]"
      })
      socket.once("error", (error: NodeJS.ErrnoException) => {
        got += `[${error.code}]`
      })
      socket.write(says)
      return { socket, got: () => got }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

const get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n"
const awaitGot = ({ got }: Client, expected: RegExp) =>
  until(`received ${expected}`, Effect.sync(() => expected.test(got())))
const codeOf = (error: Error) => (error as NodeJS.ErrnoException).code

describe("a peer", () => {
  it.scopedLive("records every request, its body in one piece or in chunks, and counts its connections", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers((one) => Faults.response(`${one.method} ${one.target}`)))
      const keeping = yield* agent()
      assert.strictEqual(yield* text(`${peer.origin}/a`, { agent: keeping }), "GET /a")
      yield* request(peer.origin, { agent: keeping, method: "POST", headers: { "content-length": 4 } }, "once")
      const pieces = new Http.Agent({ keepAlive: true })
      const chunked = Http.request(peer.origin, { agent: pieces, method: "PUT", headers: { "x-a": "1" } })
      let answered = false
      chunked.on("response", (response) =>
        response.resume().on("end", () => {
          answered = true
        }))
      chunked.write("in ")
      chunked.end("pieces")
      yield* until("an answer to the third request", Effect.sync(() => answered))
      const seen = peer.requests().map((one) => [one.method, one.body.toString(), one.headers["x-a"]])
      assert.deepStrictEqual(seen, [["GET", "", undefined], ["POST", "once", undefined], ["PUT", "in pieces", "1"]])
      assert.match(
        peer.connections[1]?.bytes().toString() ?? "",
        /^PUT \/ HTTP\/1\.1\r\n[^]*\r\n3\r\nin \r\n6\r\npieces\r\n0/u
      )
      assert.strictEqual(peer.accepted(), 2)
      yield* peer.awaitOpen(2)
      pieces.destroy()
      yield* peer.awaitOpen(1)
    }))

  it.scopedLive("listens on a Unix socket, and on another address with the same port", () =>
    Effect.gen(function*() {
      const socketPath = Path.join(yield* folder, "peer.sock")
      const unix = yield* Peer.start(Faults.answers(), { path: socketPath })
      assert.strictEqual(yield* text(unix.origin, { socketPath }), "ok")
      const one = yield* Peer.start(Faults.answers(() => Faults.response("one")), { host: "127.0.0.2" })
      const two = yield* Peer.start(Faults.answers(() => Faults.response("two")), { host: "127.0.0.3", port: one.port })
      assert.deepStrictEqual([yield* text(one.origin), yield* text(two.origin)], ["one", "two"])
    }))

  it.scopedLive("never answers; resets or ends what it accepts", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.neverAnswers)
      const client = yield* connect(peer.port, get)
      yield* until("the request is there", Effect.sync(() => peer.requests().length === 1))
      assert.strictEqual(client.got(), "")
      peer.become(Faults.resetsOnAccept)
      assert.strictEqual(codeOf(yield* Effect.flip(request(peer.origin))), "ECONNRESET")
      peer.become(Faults.endsOnAccept)
      yield* awaitGot(yield* connect(peer.port), /^\[end\]$/u)
    }))

  it.scopedLive("closes after so many requests: as the next one arrives, behind its last answer, or amid a request", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.closesAsRequestArrives(2))
      for (const [how, ends] of [["reset", "ECONNRESET"], ["end", "ECONNRESET"]] as const) {
        peer.become(Faults.closesAsRequestArrives(2, how))
        const keeping = yield* agent()
        yield* Effect.replicateEffect(request(peer.origin, { agent: keeping }), 2)
        assert.strictEqual(codeOf(yield* Effect.flip(request(peer.origin, { agent: keeping }))), ends)
      }
      assert.strictEqual(peer.requests().length, 6)
      for (const [how, ends] of [["end", /ok\[end\]$/u], ["reset", /ok\[ECONNRESET\]$/u]] as const) {
        peer.become(Faults.closesBehindAnswer(1, how))
        yield* awaitGot(yield* connect(peer.port, get), ends)
      }
      peer.become(Faults.closesOnBytes())
      yield* awaitGot(yield* connect(peer.port, "POST / HT"), /^\[ECONNRESET\]$/u)
      assert.strictEqual(peer.connections.at(-1)?.bytes().toString(), "POST / HT")
    }))

  it.scopedLive("delays, and holds requests back until it is told to go on", () =>
    Effect.gen(function*() {
      const gate = Faults.gated()
      const peer = yield* Peer.start(gate.behaviour)
      const asking = yield* Effect.fork(text(peer.origin))
      yield* until("the request is there", Effect.sync(() => peer.requests().length === 1))
      assert.isTrue((yield* Fiber.poll(asking))._tag === "None")
      gate.open()
      assert.strictEqual(yield* Fiber.join(asking), "ok")
      peer.become(Faults.delayed(20))
      assert.strictEqual(yield* text(peer.origin), "ok")
    }))

  it.scopedLive("ends its own side only, and still reads", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.halfCloses)
      const client = yield* connect(peer.port, get)
      yield* awaitGot(client, /ok\[end\]$/u)
      client.socket.write(get)
      yield* until("the second request is there", Effect.sync(() => peer.requests().length === 2))
      assert.strictEqual(peer.open(), 1)
    }))

  it.scopedLive("answers with any bytes, before it is asked too", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.raw(["HTTP/1.1 200 OK\r\n", "nonsense", "\r\n\r\n"], "end"))
      assert.strictEqual(codeOf(yield* Effect.flip(request(peer.origin))), "HPE_INVALID_HEADER_TOKEN")
      yield* awaitGot(yield* connect(peer.port, get), /^HTTP\/1\.1 200 OK\r\nnonsense\r\n\r\n\[end\]$/u)
      peer.become(Faults.raw(["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"], "reset"))
      yield* awaitGot(yield* connect(peer.port, get), /half\[ECONNRESET\]$/u)
      peer.become(Faults.speaksFirst("HTTP/1.1 408 Too Late\r\n\r\n"))
      const client = yield* connect(peer.port)
      yield* awaitGot(client, /^HTTP\/1\.1 408 Too Late\r\n\r\n$/u)
      client.socket.write(get)
      yield* awaitGot(client, /200 OK\r\ncontent-length: 2\r\n\r\nok$/u)
    }))
})

describe("a proxy", () => {
  it.scopedLive("forwards, holds all bytes back, cuts, and turns away", () =>
    Effect.gen(function*() {
      const peer = yield* Peer.start(Faults.answers())
      const proxy = yield* Proxy.start({ host: "127.0.0.1", port: peer.port })
      const keeping = yield* agent()
      assert.strictEqual(yield* text(proxy.origin, { agent: keeping }), "ok")
      proxy.hold()
      const asking = yield* Effect.fork(text(proxy.origin, { agent: keeping }))
      const another = yield* connect(proxy.port, get)
      yield* until("the proxy has accepted", Effect.sync(() => proxy.accepted() === 2))
      assert.strictEqual(peer.requests().length, 1)
      proxy.resume()
      assert.strictEqual(yield* Fiber.join(asking), "ok")
      yield* awaitGot(another, /ok$/u)
      assert.match(proxy.received[1]?.().toString() ?? "", /^GET \//u)
      proxy.cut("reset")
      yield* awaitGot(another, /\[ECONNRESET\]$/u)
      yield* peer.awaitOpen(0)
      proxy.refuse(true)
      assert.strictEqual(codeOf(yield* Effect.flip(request(proxy.origin))), "ECONNRESET")
      proxy.refuse(false)
      assert.strictEqual(yield* text(proxy.origin), "ok")
      yield* proxy.awaitOpen(0)
      yield* peer.awaitOpen(0)
    }))
})
