/** Servers on Unix sockets, named by an option or by the URL. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import * as Path from "node:path"
import { HttpError, Origin, PooledHttpClient } from "../../src/index.ts"
import { folder } from "../parts/part.ts"
import { answer, ours, recorder, released } from "./rig.ts"

const rig = Effect.gen(function*() {
  const path = Path.join(yield* folder, "a b.sock")
  const site = yield* recorder(path)
  return { ...site, path, ...(yield* ours()) }
})

describe("the option socketPath", () => {
  it.scopedLive("dials the socket, whatever the host of the URL, which is in the Host header", () =>
    Effect.gen(function*() {
      const { accepted, client, path, pool, requests } = yield* rig
      const response = yield* client.post("http://docker:2375/v1?a=b", { body: HttpBody.text("x") }).pipe(
        PooledHttpClient.withOptions({ socketPath: path })
      )
      assert.strictEqual(yield* response.text, "ok")
      assert.deepStrictEqual(response.remoteAddress, Option.some(`unix:${path}`))
      yield* Effect.repeatN(
        client.get("http://docker:2375/").pipe(PooledHttpClient.withOptions({ socketPath: path })),
        3
      )
      assert.strictEqual(accepted(), 1)
      assert.deepInclude(requests[0], { method: "POST", url: "/v1?a=b" })
      assert.strictEqual(requests[0]?.headers.host, "docker:2375")
      const { hosts } = yield* pool.stats
      assert.deepStrictEqual(hosts.map(({ host }) => host), [`http://docker:2375 (unix:${path})`])
    }))

  it.scopedLive("keeps the sockets of one host apart, and apart from its network", () =>
    Effect.gen(function*() {
      const one = yield* rig
      const other = Path.join(yield* folder, "other.sock")
      yield* answer((_, response) => void response.end("other"), other)
      const net = yield* answer((_, response) => void response.end("net"))
      const get = (socketPath?: string) =>
        one.client.get(net.url).pipe(
          Effect.flatMap((response) => response.text),
          PooledHttpClient.withOptions({ socketPath })
        )
      assert.deepStrictEqual(
        yield* Effect.all([get(one.path), get(other), get(), get(one.path), get(), get(other)]),
        ["ok", "other", "net", "ok", "net", "other"]
      )
    }))

  it.scopedLive("holds for redirects in its region", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* folder, "redirects.sock")
      const urls: Array<string> = []
      yield* answer(({ url }, response) => {
        urls.push(url)
        if (url === "/one") response.writeHead(302, { location: "/two" })
        if (url === "/two") response.writeHead(302, { location: "http://elsewhere/three" })
        response.end("end")
      }, path)
      const { client } = yield* ours()
      const response = yield* HttpClient.followRedirects(client).get("http://docker/one").pipe(
        PooledHttpClient.withOptions({ socketPath: path })
      )
      assert.strictEqual(yield* response.text, "end")
      assert.deepStrictEqual(urls, ["/one", "/two", "/three"])
    }))
})

describe("a URL of http+unix", () => {
  const at = (path: string, rest = "/") => `http+unix://${encodeURIComponent(path)}${rest}`

  it.scopedLive("names the socket, and is localhost in the Host header", () =>
    Effect.gen(function*() {
      const { accepted, client, path, pool, requests } = yield* rig
      for (const rest of ["/v1/x?a=b#c", "", "?a=1"]) {
        const response = yield* client.get(at(path, rest))
        assert.strictEqual(yield* response.text, "ok")
      }
      assert.deepStrictEqual(requests.map(({ url }) => url), ["/v1/x?a=b", "/", "/?a=1"])
      assert.strictEqual(requests[0]?.headers.host, "localhost")
      assert.strictEqual(accepted(), 1)
      const origin = Origin.fromUrl(at(path))
      assert(origin !== undefined)
      assert.strictEqual(Option.getOrThrow(yield* pool.hostStats(origin)).opened, 1)
    }))

  it.scopedLive("can have another Host, parameters, a body and a stream", () =>
    Effect.gen(function*() {
      const { client, path, pool, requests } = yield* rig
      const response = yield* client.put(at(path, "/up?a=1"), {
        headers: { host: "users.test" },
        urlParams: { b: "2" },
        body: HttpBody.stream(Stream.make(Buffer.from("one"), Buffer.from("two")))
      })
      assert.strictEqual((yield* Stream.runCollect(response.stream)).length, 1)
      assert.deepInclude(requests[0], { url: "/up?a=1&b=2", body: Buffer.from("onetwo") })
      assert.strictEqual(requests[0]?.headers.host, "users.test")
      yield* released(pool)
    }))

  it.scopedLive("of a socket that is not there says so", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* folder, "none.sock")
      const { client } = yield* ours()
      const error = yield* Effect.flip(client.get(at(path)))
      assert.strictEqual(error.reason, "Transport")
      const cause = Option.getOrThrow(HttpError.causeOf(error))
      assert.deepInclude(cause, { _tag: "ConnectFailed", code: "ENOENT", address: `unix:${path}` })
      assert.include(error.message, path)
    }))
})
