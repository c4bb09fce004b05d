/** Servers in memory do what the platform's server does on sockets. */
import { type HttpApp, HttpBody, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as Http from "node:http"
import { HttpPool } from "../src/index.ts"
import { TestHttp } from "../src/testing/index.ts"
import { until } from "./parts/waiting.ts"
import { alike, type Program, read, run, settings } from "./testHttpParity.ts"
import { bytes, users } from "./testHttpRig.ts"

const request = HttpServerRequest.HttpServerRequest
const form = new FormData()
form.set("name", "Ada")
let waiting = 0
let interrupted = 0
const never = Effect.onInterrupt(
  Effect.zipRight(Effect.sync(() => waiting++), Effect.never),
  () => Effect.sync(() => interrupted++)
)

const answers: Readonly<Record<`/${string}`, HttpApp.Default<string>>> = {
  "/text": HttpServerResponse.text("Ada"),
  "/large": HttpServerResponse.uint8Array(bytes(300_000)),
  "/too-large": HttpServerResponse.uint8Array(bytes(600_000)),
  "/empty": HttpServerResponse.empty(),
  "/nothing": HttpServerResponse.empty({ status: 200 }),
  "/304": HttpServerResponse.empty({ status: 304, headers: { etag: "1" } }),
  "/fail": Effect.fail("no"),
  "/die": Effect.die("no"),
  "/raw": HttpServerResponse.raw("raw text"),
  "/form": HttpServerResponse.formData(form),
  "/never": never,
  "/stream": HttpServerResponse.stream(Stream.make(bytes(10), bytes(100_000))),
  "/endless": HttpServerResponse.stream(Stream.repeatValue(bytes(1000))),
  "/broken": HttpServerResponse.stream(Stream.concat(Stream.make(bytes(10)), Stream.fail("no more"))),
  "/short": HttpServerResponse.stream(Stream.make(bytes(9)), { contentLength: 10 }),
  "/long": HttpServerResponse.stream(Stream.make(Buffer.from("hello world")), { contentLength: 10 }),
  "/header": HttpServerResponse.text("", { headers: { large: "x".repeat(20_000) } }),
  "/close": HttpServerResponse.text("last", { headers: { connection: "close" } }),
  "/cookies": HttpServerResponse.unsafeSetCookies(HttpServerResponse.text("yes"), [["one", "1"], ["two", "2"]])
}

const app = Object.entries(answers).reduce(
  // they were given as such
  (router, [path, answer]) => HttpRouter.get(router, path as `/${string}`, answer),
  HttpRouter.empty as HttpRouter.HttpRouter<string>
).pipe(
  HttpRouter.all(
    "/echo",
    Effect.gen(function*() {
      const { headers, method, text, url } = yield* request
      const body = yield* text
      const framing = [headers["content-length"], headers["transfer-encoding"], headers["content-type"]]
      return HttpServerResponse.unsafeJson({ method, url, framing, connection: headers["connection"], body })
    })
  ),
  HttpRouter.post(
    "/size",
    Effect.map(
      Stream.runFold(Stream.unwrap(Effect.map(request, ({ stream }) => stream)), 0, (sum, chunk) => sum + chunk.length),
      (size) => HttpServerResponse.text(String(size))
    )
  ),
  HttpRouter.post(
    "/parts",
    Effect.map(
      request,
      ({ multipartStream }) =>
        HttpServerResponse.stream(
          Stream.map(Stream.orDie(multipartStream), (part) =>
            Buffer.from(`${part._tag} ${part.key} ${part._tag === "Field" ? part.value : ""}`))
        )
    )
  ),
  HttpRouter.post("/early", Effect.delay(HttpServerResponse.text("no", { status: 413 }), "50 millis"))
)

const get = (path: string): Program => (client, url) => Effect.flatMap(client.get(url + path), read)
const post = (path: string, body: () => HttpBody.HttpBody): Program => (client, url) =>
  Effect.flatMap(client.post(url + path, { body: body() }), read)
const repeated = (program: Program, times: number): Program => (client, url) =>
  Effect.all(Array.from({ length: times }, () => program(client, url)))
const octets = "application/octet-stream"

const programs: Record<string, Program> = {
  "a text, three times": repeated(get("/text"), 3),
  "a body beyond what is read ahead": repeated(get("/large"), 2),
  "a body beyond the limit": get("/too-large"),
  "204": repeated(get("/empty"), 2),
  "200 with nothing": get("/nothing"),
  "304": repeated(get("/304"), 2),
  "a path that is not there": get("/nowhere"),
  "a failure": repeated(get("/fail"), 2),
  "a defect": repeated(get("/die"), 2),
  "a raw body": get("/raw"),
  "a form as an answer": get("/form"),
  "a stream": repeated(get("/stream"), 2),
  "a stream that breaks": get("/broken"),
  "a body that is shorter than it says": get("/short"),
  "a body that is longer than it says": get("/long"),
  "a head that is too large": get("/header"),
  "connection: close": repeated(get("/close"), 2),
  cookies: get("/cookies"),
  HEAD: (client, url) =>
    Effect.all(["/text", "/stream", "/nothing"].map((path) => Effect.flatMap(client.head(url + path), read))),
  "a GET, as the application sees it": get("/echo?a=b"),
  "a POST of nothing": post("/echo", () => HttpBody.empty),
  "a POST of a text": post("/echo", () => HttpBody.text("some text")),
  "a POST of a stream": post("/echo", () => HttpBody.stream(Stream.make(bytes(5).map(() => 65)))),
  "a POST of a stream with a length": post(
    "/echo",
    () => HttpBody.stream(Stream.make(bytes(5).map(() => 65)), octets, 5)
  ),
  "a form, in parts": post("/parts", () => HttpBody.formData(form)),
  "a large upload": post(
    "/size",
    () => HttpBody.stream(Stream.make(...Array.from({ length: 300 }, () => bytes(1000))))
  ),
  "an upload that fails": post(
    "/size",
    () => HttpBody.stream(Stream.concat(Stream.make(bytes(10)), Stream.fail("no more")))
  ),
  "an upload that is longer than it says": post("/size", () => HttpBody.stream(Stream.make(bytes(11)), octets, 10)),
  "an upload that is shorter than it says": post("/size", () => HttpBody.stream(Stream.make(bytes(9)), octets, 10)),
  "an answer before the end of an upload": post("/early", () => HttpBody.stream(Stream.repeatValue(bytes(1000)))),
  "a request that asks for the end of its connection": (client, url) =>
    Effect.all(
      Array.from({ length: 2 }, () =>
        Effect.flatMap(client.get(`${url}/text`, { headers: { connection: "close" } }), read))
    ),
  "a stream left after its first piece": (client, url) =>
    Effect.flatMap(client.get(`${url}/endless`), (response) => Stream.runDrain(Stream.take(response.stream, 1))),
  "a short stream left after its first piece": (client, url) =>
    Effect.zipRight(
      Effect.flatMap(client.get(`${url}/stream`), (response) => Stream.runDrain(Stream.take(response.stream, 1))),
      get("/text")(client, url)
    ),
  "a caller who has gone": (client, url) =>
    Effect.gen(function*() {
      const before = { waiting, interrupted }
      const fiber = yield* Effect.fork(client.get(`${url}/never`))
      yield* until("the application has begun", Effect.sync(() => waiting > before.waiting))
      yield* Fiber.interrupt(fiber)
      yield* until("the application is interrupted", Effect.sync(() => interrupted > before.interrupted))
    })
}

describe("an application in memory is like one on sockets", () => {
  for (const [name, program] of Object.entries(programs)) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        // it would close idle connections by and by
        const node = Http.createServer({ keepAliveTimeout: 0 })
        const server = yield* NodeHttpServer.make(() => node, { host: "127.0.0.1", port: 0 })
        yield* server.serve(app)
        const url = HttpServer.formatAddress(server.address)
        const real = yield* run(HttpPool.layer(settings), program, url)
        const memory = yield* run(TestHttp.layer({ [users]: app }, settings), program, users)
        yield* alike(memory, real)
      }))
  }
})
