/** URLs and headers arrive as they were meant; where the two clients differ, ours is the one that follows the standards. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { agree, compare, recorder } from "./rig.ts"

type Request = HttpClientRequest.HttpClientRequest

const same: Record<string, (url: string) => Request> = {
  "no path": (url) => HttpClientRequest.get(url),
  "a query alone": (url) => HttpClientRequest.get(`${url}?a=1&a=2`),
  "an empty query": (url) => HttpClientRequest.get(`${url}/?`),
  "letters beyond ASCII": (url) => HttpClientRequest.get(`${url}/ü/✓ ?q=ß ö`),
  "what is encoded already": (url) => HttpClientRequest.get(`${url}/a%2Fb/%C3%BC?x=%26&y=a+b`),
  "dots in the path": (url) => HttpClientRequest.get(`${url}/a/./b/../c`),
  "parameters beside those of the URL": (url) =>
    HttpClientRequest.get(`${url}/?a=1`, { urlParams: { a: ["2", "3"], b: "c d", none: undefined } }),
  "a URL object": (url) => HttpClientRequest.get(new URL("/p?x=y", url)),
  "a prefix and an appended path": (url) =>
    HttpClientRequest.get("/b").pipe(HttpClientRequest.prependUrl(`${url}/a`), HttpClientRequest.appendUrl("c")),
  "headers": (url) =>
    HttpClientRequest.get(url, { headers: { "X-One": "1", "x-two": " 2 ", "user-agent": "me", cookie: "a=b; c=d" } }),
  "a header of Latin-1": (url) => HttpClientRequest.get(url, { headers: { "x-name": "J\u00fcrgen" } }),
  "an empty header": (url) => HttpClientRequest.get(url, { headers: { "x-empty": "" } }),
  "a Host of its own": (url) => HttpClientRequest.get(url, { headers: { host: "users.test:1234" } }),
  "accept": (url) => HttpClientRequest.get(url, { acceptJson: true }),
  "basic and bearer credentials": (url) => HttpClientRequest.get(url).pipe(HttpClientRequest.basicAuth("me", "secret")),
  "a token": (url) => HttpClientRequest.get(url).pipe(HttpClientRequest.bearerToken("secret")),
  "a connection to be closed": (url) => HttpClientRequest.get(url, { headers: { connection: "close" } }),
  "a declared length": (url) =>
    HttpClientRequest.post(url, {
      headers: { "content-length": "2" },
      body: HttpBody.stream(Stream.make(Buffer.from("ab")))
    }),
  "a type of its own": (url) =>
    HttpClientRequest.post(url, { body: HttpBody.text("{}", "application/merge-patch+json") }),
  "a type set after the body": (url) =>
    HttpClientRequest.post(url, { body: HttpBody.text("{}") }).pipe(
      HttpClientRequest.setHeader("content-type", "text/special")
    )
}

describe("as from layerUndici", () => {
  for (const [name, make] of Object.entries(same)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const site = yield* recorder()
        const end = yield* agree((client) =>
          Effect.flatMap(client.execute(make(site.url)), (response) => response.text)
        )
        assert.strictEqual(end, "ok")
        const [theirs, ours] = site.requests
        assert.deepStrictEqual(ours, theirs)
      }))
  }
})

describe("one URL with changing parameters", () => {
  it.scopedLive("is a new request each time", () =>
    Effect.gen(function*() {
      const site = yield* recorder()
      yield* agree((client) =>
        Effect.forEach([{}, { a: 1 }, { a: 2 }, {}, { b: 2 }], (urlParams) =>
          client.get(`${site.url}/x?y`, { urlParams }))
          .pipe(Effect.asVoid)
      )
      const sent = ["/x?y", "/x?y&a=1", "/x?y&a=2", "/x?y", "/x?y&b=2"].map((url) =>
        url.replace("y&", "y=&")
      )
      assert.deepStrictEqual(site.requests.map(({ url }) => url), [...sent, ...sent])
    }))
})

describe("unlike layerUndici", () => {
  const sent = (make: (url: string) => Request) =>
    Effect.gen(function*() {
      const site = yield* recorder()
      const ends = yield* compare((client) =>
        Effect.flatMap(client.execute(make(site.url)), (response) => response.text)
      )
      return { ends, requests: site.requests }
    })

  it.scopedLive("a fragment is not sent to the server", () =>
    Effect.gen(function*() {
      const { requests } = yield* sent((url) => HttpClientRequest.get(`${url}/a#b`))
      assert.deepStrictEqual(requests.map(({ url }) => url), ["/a#b", "/a"])
      const set = yield* sent((url) => HttpClientRequest.get(`${url}/a?b`, { hash: "c" }))
      assert.deepStrictEqual(set.requests.map(({ url }) => url), ["/a?b#c", "/a?b"])
    }))

  it.scopedLive("credentials of the URL are sent, unless there is a header", () =>
    Effect.gen(function*() {
      const at = (url: string) => url.replace("http://", "http://m%40e:s%3Acret@")
      const { requests } = yield* sent((url) => HttpClientRequest.get(at(url)))
      const basic = `Basic ${Buffer.from("m@e:s:cret").toString("base64")}`
      assert.deepStrictEqual(requests.map(({ headers }) => headers.authorization), [undefined, basic])
      const own = yield* sent((url) => HttpClientRequest.get(at(url), { headers: { authorization: "mine" } }))
      assert.deepStrictEqual(own.requests.map(({ headers }) => headers.authorization), ["mine", "mine"])
    }))

  it.scopedLive("a Transfer-Encoding that says what happens anyway is allowed", () =>
    Effect.gen(function*() {
      const { ends, requests } = yield* sent((url) =>
        HttpClientRequest.post(url, {
          headers: { "transfer-encoding": "chunked" },
          body: HttpBody.stream(Stream.make(Buffer.from("ab")))
        })
      )
      assert.deepStrictEqual(ends, { ours: "ok", theirs: "RequestError Transport" })
      assert.deepStrictEqual(requests.map(({ body }) => body.toString()), ["ab"])
      assert.strictEqual(requests[0]?.headers["transfer-encoding"], "chunked")
    }))

  const refused: Record<string, Record<string, string>> = {
    "a line feed in a header": { "x-bad": "a\nb" },
    "a letter beyond Latin-1 in a header": { "x-bad": "✓" },
    "a name that is no token": { "x bad": "a" },
    "an Expect": { expect: "100-continue" },
    "an Upgrade": { upgrade: "websocket" },
    "a length that is no number": { "content-length": "two" }
  }
  for (const [name, headers] of Object.entries(refused)) {
    it.scopedLive(`${name} is an error of Encode, and nothing is sent`, () =>
      Effect.gen(function*() {
        const { ends, requests } = yield* sent((url) => HttpClientRequest.post(url, { headers }))
        assert.deepStrictEqual(ends, { ours: "RequestError Encode", theirs: "RequestError Transport" })
        assert.deepStrictEqual(requests, [])
      }))
  }
})
