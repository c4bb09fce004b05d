import {
  HttpBody,
  type HttpClientError,
  HttpClientRequest,
  HttpMiddleware,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse
} from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { bytes, isUnderWay, rig, settle, users } from "./testHttpRig.ts"

const request = HttpServerRequest.HttpServerRequest

describe("streaming", () => {
  it.scoped("holds the application back while nobody reads", () =>
    Effect.gen(function*() {
      let made = 0
      const long = Stream.range(1, 5000).pipe(
        Stream.rechunk(1),
        Stream.map(() => {
          made += 1
          return bytes(1000)
        })
      )
      const { client, servers } = yield* rig({ [users]: HttpServerResponse.stream(long) })
      const response = yield* client.get(users)
      yield* settle
      // what is read ahead, each piece with its overhead, and the piece that is one too many
      assert.strictEqual(made, 59)
      const taken = yield* Stream.runCollect(Stream.take(response.stream, 100))
      assert.strictEqual(taken.length, 100)
      // the rest is too long to be read for the connection's sake
      yield* settle
      assert.isBelow(made, 500)
      assert.strictEqual(yield* servers.openNow(users), 0)
    }))

  it.scoped("holds the client back while the application does not read", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      let made = 0
      const body = Stream.range(1, 500).pipe(
        Stream.rechunk(1),
        Stream.map(() => {
          made += 1
          return bytes(1000)
        })
      )
      const { client } = yield* rig({
        [users]: Effect.gen(function*() {
          yield* Deferred.await(go)
          const size = yield* Stream.runFold(
            Stream.unwrap(Effect.map(request, (asked) => asked.stream)),
            0,
            (sum, chunk) => sum + chunk.length
          )
          return HttpServerResponse.text(String(size))
        })
      })
      const fiber = yield* Effect.fork(client.post(users, { body: HttpBody.stream(body) }))
      yield* settle
      assert.isAbove(made, 64)
      assert.isBelow(made, 200)
      assert.isTrue(yield* isUnderWay(fiber))
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual(yield* Effect.flatMap(Fiber.join(fiber), (response) => response.text), "500000")
      assert.strictEqual(made, 500)
    }))

  it.scoped("P6 an interrupted client interrupts the application, and closes its connection", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const hanging = Effect.onExit(Effect.never, (exit) => Effect.sync(() => ended.push(exit._tag)))
      const { client, servers, stats } = yield* rig({
        [users]: HttpRouter.empty.pipe(
          HttpRouter.get("/head", hanging),
          HttpRouter.get(
            "/body",
            HttpServerResponse.stream(Stream.concat(Stream.make(bytes(10)), Stream.fromEffect(hanging)))
          ),
          HttpRouter.post(
            "/upload",
            Effect.onExit(
              Effect.flatMap(request, (asked) => Effect.asVoid(asked.text)),
              (exit) => Effect.sync(() => ended.push(exit._tag))
            ).pipe(Effect.as(HttpServerResponse.empty()))
          )
        ),
        "http://bare.test": hanging
      })
      const programs: ReadonlyArray<Effect.Effect<unknown, HttpClientError.HttpClientError>> = [
        client.get(`${users}/head`),
        Effect.flatMap(client.get(`${users}/body`), (response) => response.text),
        client.post(`${users}/upload`, { body: HttpBody.stream(Stream.concat(Stream.make(bytes(10)), Stream.never)) }),
        client.get("http://bare.test")
      ]
      for (const [index, program] of programs.entries()) {
        const host = index === 3 ? "http://bare.test" : users
        const fiber = yield* Effect.fork(program)
        yield* settle
        assert.isTrue(yield* isUnderWay(fiber))
        assert.strictEqual(yield* servers.handling(host), 1)
        assert.strictEqual((yield* stats(host)).active, 1)
        yield* Fiber.interrupt(fiber)
        yield* settle
        assert.strictEqual(ended.length, index + 1)
        assert.strictEqual(yield* servers.handling(host), 0)
        assert.strictEqual(yield* servers.openNow(host), 0)
      }
      assert.deepStrictEqual(ended, ["Failure", "Failure", "Failure", "Failure"])
      assert.deepInclude((yield* stats()).closedBy, { interrupted: 3 })
    }))

  it.scoped("a route that may not be interrupted goes on after its client has gone", () =>
    Effect.gen(function*() {
      let done = 0
      const slow = Effect.as(Effect.delay(Effect.sync(() => done++), "1 second"), HttpServerResponse.empty())
      const { client, servers } = yield* rig({
        [users]: HttpRouter.empty.pipe(HttpRouter.get("/", slow, { uninterruptible: true }))
      })
      const fiber = yield* Effect.fork(client.get(users))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* settle
      assert.strictEqual(yield* servers.handling(users), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(done, 1)
      assert.strictEqual(yield* servers.handling(users), 0)
    }))

  it.scoped("middleware sees the request and may change it", () =>
    Effect.gen(function*() {
      const app = Effect.map(request, (asked) =>
        HttpServerResponse.text(`${asked.headers["host"]} ${Option.getOrThrow(asked.remoteAddress)}`))
      const { client } = yield* rig({ [users]: HttpMiddleware.xForwardedHeaders(app) })
      const forwarded = HttpClientRequest.get(users).pipe(
        HttpClientRequest.setHeaders({ "x-forwarded-host": "outside.test", "x-forwarded-for": "192.0.2.1" })
      )
      assert.strictEqual(
        yield* Effect.flatMap(client.execute(forwarded), (response) =>
          response.text),
        "outside.test 192.0.2.1"
      )
    }))
})
