/** Requests that cannot be sent, or that would say more than one thing: refused before anything is written. */
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import { invalidUrl, lost, refused } from "./attack.ts"
import type { Outcome, Rig } from "./rig.ts"
import { healthy, outcomeOf, recovered, trial } from "./rig.ts"

type Request = HttpClientRequest.HttpClientRequest

/** It fails so, and the peer has not even seen a connection. */
const notSent = (make: (origin: string) => Request, expected: Outcome) =>
  trial(healthy, {}, (rig) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* outcomeOf(rig, make(rig.peer.origin)), expected)
      assert.strictEqual(rig.peer.accepted(), 0)
      yield* recovered(rig, 0)
    }))

const invalid = [
  "",
  "/",
  "nothing",
  "//host/",
  "http://",
  "http:///",
  "http://[::1",
  "http://[::1]x/",
  "http://a b/",
  "http://a\0b/",
  "http://a%00b/",
  "http://a<b/",
  "http://a%2fb/",
  "http://host\r\nx: y/",
  "http://host:99999/",
  "http://host:-1/",
  "http://host:port/",
  "http://256.0.0.1/",
  "http://1.2.3.4.5/",
  "http://xn--/",
  "http+unix://%zz/path",
  "http+unix:path",
  "http+unix:///path",
  "ftp://host/",
  "ws://host/",
  "file:///etc/passwd",
  "data:,text",
  "javascript:1",
  "about:blank",
  "blob:http://host/x",
  "http+unix://%00/path",
  "http+unix://%2Frun%2Fapp.sock/path"
]

describe("a URL that leads nowhere", () => {
  for (const url of invalid) {
    it.effect(
      `S5 ${JSON.stringify(url)}`,
      () => notSent(() => HttpClientRequest.get(url), invalidUrl("RequestInvalid"))
    )
  }

  it.effect("S5 a port that nobody can listen on", () =>
    notSent(() => HttpClientRequest.get("http://127.0.0.1:0/"), lost("ConnectFailed")))
})

describe("what a URL says", () => {
  /** The first line and the headers as the peer got them. */
  const sent = ({ client, peer }: Rig, url: string) =>
    Effect.gen(function*() {
      const text = yield* Effect.flatMap(client.get(url), (response) => response.text)
      const [request] = peer.requests()
      assert.strictEqual(text, `GET ${request?.target}`)
      return { target: request?.target, authorization: request?.headers["authorization"] }
    })
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`

  const told: ReadonlyArray<readonly [userInfo: string, path: string, target: string, credentials?: string]> = [
    ["", "/a\r\nb", "/ab"],
    ["", "/a%0d%0ab?c%0d%0ad", "/a%0d%0ab?c%0d%0ad"],
    ["", "/a b?c d", "/a%20b?c%20d"],
    ["", "/\u20ac?\u20ac", "/%E2%82%AC?%E2%82%AC"],
    ["", "/a\0b", "/a%00b"],
    ["", "/../../x", "/x"],
    ["", "/%", "/%"],
    ["", "/a#b", "/a"],
    ["", "/ HTTP/1.1\r\nx: y", "/%20HTTP/1.1x:%20y"],
    ["user:secret@", "/", "/", "user:secret"],
    ["us%C3%A9r:a%3Ab@", "/", "/", "us\u00e9r:a:b"],
    ["user:100%@", "/", "/", "user:100%"],
    ["%zz@", "/", "/", "%zz:"],
    ["a%0d%0ab:c@", "/", "/", "a\r\nb:c"]
  ]
  for (const [userInfo, path, target, credentials] of told) {
    it.effect(`S5 ${JSON.stringify(userInfo + path)} is told as one line`, () =>
      trial(healthy, {}, (rig) =>
        Effect.gen(function*() {
          const seen = yield* sent(rig, rig.peer.origin.replace("//", `//${userInfo}`) + path)
          const authorization = credentials === undefined ? undefined : basic(credentials)
          assert.deepStrictEqual(seen, { target, authorization })
          yield* recovered(rig, 1)
        })))
  }

  it.effect("S5 a parameter of a query stays in its place", () =>
    trial(healthy, {}, (rig) =>
      Effect.gen(function*() {
        const request = pipe(
          HttpClientRequest.get(`${rig.peer.origin}/`),
          HttpClientRequest.setUrlParam("a\r\nb", " HTTP/1.1\r\nx: y\0"),
          HttpClientRequest.setHash("c\r\nd")
        )
        yield* outcomeOf(rig, request)
        assert.deepStrictEqual(rig.peer.requests().map((one) => one.target), ["/?a%0D%0Ab=+HTTP%2F1.1%0D%0Ax%3A+y%00"])
        yield* recovered(rig, 1)
      })))
})

/** A request with a header, past the checks that the platform may make. */
const withHeader = (name: string, value: string) => (origin: string): Request =>
  HttpClientRequest.modify(HttpClientRequest.get(origin), { headers: Headers.unsafeFromRecord({ [name]: value }) })

describe("a header that would say more than one thing", () => {
  const invalidValues = ["a\r\nx: y", "a\nx: y", "a\rb", "a\0b", "\u65e5\u672c", "a\u0100", "\x7f", "\x1b[31m"]
  for (const value of invalidValues) {
    it.effect(`S5 the value ${JSON.stringify(value)}`, () =>
      notSent(withHeader("x-test", value), refused("RequestInvalid")))
  }

  for (const name of ["x\r\ny", "x\n", "x\0", "x:", "x y", " x", "", "\u00ff", "\u65e5", "x(y)", "x\ty"]) {
    it.effect(`S5 the name ${JSON.stringify(name)}`, () => notSent(withHeader(name, "y"), refused("RequestInvalid")))
  }

  for (const type of ["text/plain\r\nx: y", "text/\0"]) {
    it.effect(`S5 the type of a body ${JSON.stringify(type)}`, () =>
      notSent(
        (origin) => HttpClientRequest.setBody(HttpClientRequest.post(origin), HttpBody.text("a", type)),
        refused("RequestInvalid")
      ))
  }

  for (const method of ["GET / HTTP/1.1\r\nx: y\r\n\r\nGET", "GE T", "G\0T", "G\u00c9T", "GET\n", "\r\nGET"]) {
    it.effect(`S5 the method ${JSON.stringify(method)}`, () =>
      // somebody has cast, as here
      notSent((origin) => HttpClientRequest.make(method as HttpMethod)(origin), refused("RequestInvalid")))
  }
})

describe("a header that belongs to the connection", () => {
  const reserved: ReadonlyArray<readonly [name: string, value: string]> = [
    ["transfer-encoding", "gzip"],
    ["transfer-encoding", "chunked, chunked"],
    ["transfer-encoding", "CHUNKED"],
    ["keep-alive", "timeout=5"],
    ["upgrade", "websocket"],
    ["expect", "100-continue"],
    ["content-length", "1"],
    ["content-length", "-1"],
    ["content-length", "+0"],
    ["content-length", "0x0"],
    ["content-length", "0, 0"],
    ["content-length", "none"],
    ["content-length", ""]
  ]
  for (const [name, value] of reserved) {
    it.effect(`S5 ${name}: ${value} is refused`, () => notSent(withHeader(name, value), refused("RequestInvalid")))
  }

  for (const value of ["", "a b", "a,,b", "\u00ff"]) {
    it.effect(`S5 connection: ${JSON.stringify(value)} is refused`, () =>
      trial(healthy, {}, (rig) =>
        Effect.gen(function*() {
          const request = withHeader("connection", value)(rig.peer.origin)
          assert.deepStrictEqual(yield* outcomeOf(rig, request), refused("RequestInvalid"))
          assert.deepStrictEqual(rig.peer.requests(), [])
          yield* recovered(rig, 0)
        })))
  }

  it.effect("P3 connection: close is obeyed", () =>
    trial(healthy, {}, (rig) =>
      Effect.gen(function*() {
        yield* outcomeOf(rig, withHeader("connection", "close")(rig.peer.origin))
        assert.deepStrictEqual(rig.peer.requests().map(({ headers }) => headers["connection"]), ["close"])
        yield* recovered(rig, 0)
      })))

  for (const name of ["constructor", "tostring", "hasownproperty", "x-\u0021"]) {
    it.effect(`S5 ${name} is a name like any other`, () =>
      trial(healthy, {}, (rig) =>
        Effect.gen(function*() {
          yield* outcomeOf(rig, withHeader(name, "some")(rig.peer.origin))
          assert.deepStrictEqual(rig.peer.requests().map(({ headers }) => headers[name]), ["some"])
          yield* recovered(rig, 1)
        })))
  }
})
