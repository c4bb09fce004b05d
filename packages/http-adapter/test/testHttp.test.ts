import {
  Cookies,
  HttpBody,
  HttpClientRequest,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse
} from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Data, Effect, Exit, type Layer, Option, Stream } from "effect"
import { type HttpPool, PooledHttpClient } from "../src/index.ts"
import { TestHttp } from "../src/testing/index.ts"
import { bytes, rig, settle, users } from "./testHttpRig.ts"

const request = HttpServerRequest.HttpServerRequest

/** Answers with what was asked. */
const echo = Effect.flatMap(
  request,
  (asked) =>
    Effect.map(
      asked.text,
      (body) => HttpServerResponse.unsafeJson({ method: asked.method, url: asked.url, headers: asked.headers, body })
    )
)

describe("an application in memory", () => {
  it.scoped("sees the request as it was sent, and its answer comes back as it was made", () =>
    Effect.gen(function*() {
      const { client, servers } = yield* rig({ [users]: echo })
      const response = yield* HttpClientRequest.put(`${users}/a/b?c=d#e`).pipe(
        HttpClientRequest.setHeader("x-mine", "1"),
        HttpClientRequest.bodyText("hello", "text/plain"),
        client.execute
      )
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(response.remoteAddress, Option.some("10.0.0.1"))
      const headers = {
        connection: "keep-alive",
        "content-length": "5",
        "content-type": "text/plain",
        host: "users.test",
        "x-mine": "1"
      }
      const seen = yield* response.json
      assert.deepInclude(seen, { method: "PUT", url: "/a/b?c=d", body: "hello" })
      assert.deepInclude((seen as { readonly headers: object }).headers, headers)
      const [arrived, ...more] = yield* servers.requests(users)
      assert.deepStrictEqual(more, [])
      assert.deepInclude(arrived, { method: "PUT", path: "/a/b?c=d" })
      assert.strictEqual(arrived?.text, "hello")
      assert.deepInclude({ ...arrived?.headers }, headers)
    }))

  it.scoped("answers with every kind of body", () =>
    Effect.gen(function*() {
      const form = new FormData()
      form.set("name", "Ada")
      const bodies = {
        empty: HttpServerResponse.empty(),
        nothing: HttpServerResponse.empty({ status: 200 }),
        text: HttpServerResponse.text("some text"),
        json: HttpServerResponse.unsafeJson({ some: "json" }),
        bytes: HttpServerResponse.uint8Array(bytes(200_000)),
        stream: HttpServerResponse.stream(Stream.make(bytes(10), new Uint8Array(0), bytes(70_000))),
        raw: HttpServerResponse.raw("some raw text", { contentLength: 13 }),
        form: HttpServerResponse.formData(form)
      }
      const router = Object.entries(bodies).reduce(
        (all, [name, response]) => HttpRouter.get(all, `/${name}`, response),
        HttpRouter.empty
      )
      const { client, servers } = yield* rig({ [users]: router })
      const get = (name: keyof typeof bodies) => client.get(`${users}/${name}`)
      const sizeOf = (name: keyof typeof bodies) =>
        Effect.map(Effect.flatMap(get(name), (response) => response.arrayBuffer), (buffer) => new Uint8Array(buffer))

      assert.strictEqual((yield* get("empty")).status, 204)
      assert.strictEqual(yield* Effect.flatMap(get("nothing"), (response) => response.text), "")
      assert.strictEqual(yield* Effect.flatMap(get("text"), (response) => response.text), "some text")
      assert.deepStrictEqual(yield* Effect.flatMap(get("json"), (response) => response.json), { some: "json" })
      assert.deepStrictEqual(yield* sizeOf("bytes"), bytes(200_000))
      assert.deepStrictEqual(yield* sizeOf("stream"), Uint8Array.from([...bytes(10), ...bytes(70_000)]))
      assert.strictEqual(yield* Effect.flatMap(get("raw"), (response) => response.text), "some raw text")
      const formData = yield* Effect.flatMap(get("form"), (response) => response.formData)
      assert.strictEqual(formData.get("name"), "Ada")
      assert.strictEqual(yield* servers.opened(users), 1)
    }))

  it.scoped("has no body in the answer to HEAD, nor with 204 and 304", () =>
    Effect.gen(function*() {
      let pulled = 0
      const stream = Stream.tap(Stream.make(bytes(10)), () => Effect.sync(() => pulled++))
      const { client, servers } = yield* rig({
        [users]: HttpRouter.empty.pipe(
          HttpRouter.get("/", HttpServerResponse.stream(stream, { contentLength: 10 })),
          HttpRouter.get("/204", HttpServerResponse.stream(stream, { status: 204 })),
          HttpRouter.get("/304", HttpServerResponse.stream(stream, { status: 304 }))
        )
      })
      const head = yield* client.head(`${users}/`)
      assert.strictEqual(head.headers["content-length"], "10")
      assert.strictEqual(yield* head.text, "")
      for (const status of [204, 304]) {
        const response = yield* client.get(`${users}/${status}`)
        assert.strictEqual(response.status, status)
        assert.strictEqual(yield* response.text, "")
      }
      assert.strictEqual(pulled, 0)
      assert.strictEqual(yield* servers.opened(users), 1)
    }))

  it.scoped("may set cookies, and read them", () =>
    Effect.gen(function*() {
      const { client } = yield* rig({
        [users]: Effect.map(request, (asked) =>
          HttpServerResponse.unsafeJson(asked.cookies).pipe(
            HttpServerResponse.unsafeSetCookie("one", "1"),
            HttpServerResponse.unsafeSetCookie("two", "2", { path: "/two" })
          ))
      })
      const response = yield* client.execute(
        HttpClientRequest.setHeader(HttpClientRequest.get(users), "cookie", "mine=3; other=4")
      )
      assert.deepStrictEqual(yield* response.json, { mine: "3", other: "4" })
      assert.deepStrictEqual(Cookies.toRecord(response.cookies), { one: "1", two: "2" })
    }))

  it.scoped("answers with the status of what it failed with", () =>
    Effect.gen(function*() {
      class Mine extends Data.TaggedError("Mine") {}
      const { client, servers } = yield* rig({
        [users]: HttpRouter.empty.pipe(
          HttpRouter.get("/fail", Effect.fail(new Mine())),
          HttpRouter.get("/die", Effect.die("a defect")),
          HttpRouter.get("/teapot", Effect.die(HttpServerResponse.empty({ status: 418 }))),
          HttpRouter.post(
            "/json",
            Effect.as(Effect.flatMap(request, (asked) => asked.json), HttpServerResponse.empty())
          )
        )
      })
      const statusOf = (path: string) => Effect.map(client.get(users + path), (response) => response.status)
      assert.strictEqual(yield* statusOf("/fail"), 500)
      assert.strictEqual(yield* statusOf("/die"), 500)
      assert.strictEqual(yield* statusOf("/teapot"), 418)
      assert.strictEqual(yield* statusOf("/nowhere"), 404)
      const body = HttpBody.text("no json")
      assert.strictEqual((yield* client.post(`${users}/json`, { body })).status, 400)
      assert.strictEqual(yield* servers.opened(users), 1)
    }))

  it.scoped("gets the services that its layer was given, and a scope per request", () =>
    Effect.gen(function*() {
      class Greeting extends Context.Tag("Greeting")<Greeting, string>() {}
      const closed: Array<string> = []
      const greet = Effect.gen(function*() {
        yield* Effect.addFinalizer((exit) => Effect.sync(() => closed.push(exit._tag)))
        return HttpServerResponse.text(yield* Greeting)
      })
      const plain = HttpServerResponse.text("plain")
      const { client } = yield* rig({ [users]: greet, "http://plain.test": plain }).pipe(
        Effect.provideService(Greeting, "hello")
      )
      assert.strictEqual(yield* Effect.flatMap(client.get(users), (response) => response.text), "hello")
      yield* settle
      assert.deepStrictEqual(closed, ["Success"])
      assert.strictEqual(yield* Effect.flatMap(client.get("http://plain.test"), (response) => response.text), "plain")
    }))

  it.effect("is a layer of the pool alone", () =>
    Effect.gen(function*() {
      const layer: Layer.Layer<HttpPool.HttpPool> = TestHttp.layer({ [users]: HttpServerResponse.text("Ada") })
      const text = yield* PooledHttpClient.make.pipe(
        Effect.flatMap((client) => client.get(users)),
        Effect.flatMap((response) => response.text),
        Effect.provide(layer)
      )
      assert.strictEqual(text, "Ada")
    }))

  it.effect("refuses wrong options and wrong hosts as mistakes in the test", () =>
    Effect.gen(function*() {
      const app = HttpServerResponse.empty()
      const build = (hosts: Readonly<Record<string, typeof app>>, options = {}) =>
        Effect.exit(Effect.scoped(rig(hosts, options)))
      const messageOf = (exit: Exit.Exit<unknown>) =>
        String(Option.getOrThrow(Cause.dieOption(Exit.isFailure(exit) ? exit.cause : Cause.empty)))
      assert.match(messageOf(yield* build({ [users]: app }, { readAhead: 0 })), /readAhead/)
      for (const host of ["users.test", "ftp://users.test", `${users}/path`, "http://me@users.test"]) {
        assert.include(messageOf(yield* build({ [host]: app })), host)
      }
      assert.match(messageOf(yield* build({ [users]: app, [`${users}:80/`]: app })), /two applications/)
      const servers = yield* TestHttp.make({ [users]: app })
      assert.match(messageOf(yield* Effect.exit(servers.hang("http://other.test", true))), /other\.test.*users\.test/)
    }))
})
