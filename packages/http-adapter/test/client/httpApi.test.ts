/** `HttpApiClient` over the pooled client, against an `HttpApi` on the platform's own server. */
import { NodeContext, NodeHttpServer } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Multipart from "@effect/platform/Multipart"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Http from "node:http"
import { agree, ours, released } from "./rig.ts"

class User
  extends Schema.Class<User>("User")({ id: Schema.Number, name: Schema.String, born: Schema.DateFromString })
{}

class NoSuchUser extends Schema.TaggedError<NoSuchUser>()("NoSuchUser", { id: Schema.Number }) {}

const users = HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("one")`/users/${HttpApiSchema.param("id", Schema.NumberFromString)}`
      .addSuccess(User)
      .addError(NoSuchUser, { status: 404 })
  )
  .add(
    HttpApiEndpoint.post("create", "/users")
      .setPayload(Schema.Struct({ name: Schema.String, born: Schema.DateFromString }))
      .setHeaders(Schema.Struct({ "x-tenant": Schema.String }))
      .addSuccess(User, { status: 201 })
  )
  .add(
    HttpApiEndpoint.get("search", "/search")
      .setUrlParams(Schema.Struct({ text: Schema.String, limit: Schema.NumberFromString }))
      .addSuccess(Schema.Array(Schema.String))
  )
  .add(HttpApiEndpoint.del("remove", "/users").addSuccess(HttpApiSchema.NoContent))
  .add(
    HttpApiEndpoint.get("text", "/text").addSuccess(Schema.String.pipe(HttpApiSchema.withEncoding({ kind: "Text" })))
  )
  .add(
    HttpApiEndpoint.post("upload", "/upload")
      .setPayload(HttpApiSchema.Multipart(Schema.Struct({ title: Schema.String, files: Multipart.FilesSchema })))
      .addSuccess(Schema.Struct({ title: Schema.String, sizes: Schema.Array(Schema.Number) }))
  )
  .addError(HttpApiError.InternalServerError)

const api = HttpApi.make("api").add(users)

const large = "✓".repeat(100_000)

const handlers = HttpApiBuilder.group(api, "users", (group) =>
  group
    .handle("one", ({ path: { id } }) =>
      id === 0
        ? Effect.fail(new NoSuchUser({ id }))
        : Effect.succeed(new User({ id, name: id === 1 ? "one" : large, born: new Date(0) })))
    .handle("create", ({ headers, payload }) =>
      Effect.succeed(new User({ id: 7, name: `${payload.name} of ${headers["x-tenant"]}`, born: payload.born })))
    .handle("search", ({ urlParams }) =>
      Effect.succeed(Array.from({ length: urlParams.limit }, () =>
        urlParams.text)))
    .handle("remove", () => Effect.void)
    .handle("text", () => Effect.succeed("a text"))
    .handle("upload", ({ payload }) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const stats = yield* Effect.orDie(Effect.forEach(payload.files, ({ path }) => fs.stat(path)))
        return { title: payload.title, sizes: stats.map(({ size }) => Number(size)) }
      })))

/** The URL of a server, which ends with the scope. */
const started = Layer.build(
  HttpApiBuilder.serve().pipe(
    Layer.provide(HttpApiBuilder.api(api).pipe(Layer.provide(handlers))),
    Layer.provideMerge(NodeHttpServer.layer(Http.createServer, { host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(NodeContext.layer)
  )
).pipe(Effect.flatMap((context) => Effect.provide(HttpServer.addressFormattedWith(Effect.succeed), context)))

const clientOf = (httpClient: HttpClient.HttpClient, baseUrl: string) =>
  HttpApiClient.makeWith(api, { httpClient, baseUrl })

describe("HttpApiClient", () => {
  it.scopedLive("gives what it gives over layerUndici, errors included", () =>
    Effect.gen(function*() {
      const url = yield* started
      const end = yield* agree((httpClient) =>
        Effect.gen(function*() {
          const client = yield* clientOf(httpClient, url)
          const { users: { create, one, remove, search, text } } = client
          const created = yield* create({
            payload: { name: "ü", born: new Date(1) },
            headers: { "x-tenant": "me" }
          })
          const [, response] = yield* one({ path: { id: 1 }, withResponse: true })
          return {
            one: yield* one({ path: { id: 1 } }),
            isUser: (yield* one({ path: { id: 1 } })) instanceof User,
            large: (yield* one({ path: { id: 2 } })).name.length,
            none: yield* Effect.flip(one({ path: { id: 0 } })),
            created,
            found: yield* search({ urlParams: { text: "a b&c", limit: 3 } }),
            removed: yield* remove(),
            text: yield* text(),
            status: response.status
          }
        })
      )
      assert.deepInclude(end, {
        isUser: true,
        large: large.length,
        none: new NoSuchUser({ id: 0 }),
        created: new User({ id: 7, name: "ü of me", born: new Date(1) }),
        found: ["a b&c", "a b&c", "a b&c"],
        removed: undefined,
        text: "a text",
        status: 200
      })
    }))

  it.scopedLive("works with one connection, many callers at once", () =>
    Effect.gen(function*() {
      const url = yield* started
      const { client: httpClient, pool } = yield* ours({ maxConnectionsPerHost: 1 })
      const client = yield* clientOf(httpClient, url)
      const all = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, id) => id % 3),
        (id) => Effect.either(client.users.one({ path: { id } })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(all.filter(({ _tag }) => _tag === "Left").length, 17)
      yield* released(pool)
      assert.strictEqual((yield* pool.stats).total, 1)
    }))

  it.scopedLive("sends files", () =>
    Effect.gen(function*() {
      const url = yield* started
      const { client: httpClient } = yield* ours()
      const client = yield* clientOf(httpClient, url)
      const payload = new FormData()
      payload.append("title", "ünï")
      payload.append("files", new File([Buffer.alloc(200_000)], "one.bin"))
      payload.append("files", new File(["two"], "two.txt", { type: "text/plain" }))
      assert.deepStrictEqual(yield* client.users.upload({ payload }), { title: "ünï", sizes: [200_000, 3] })
    }))
})
