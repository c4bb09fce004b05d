import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { PooledHttpClient } from "../src/index.ts"
import { causeOf, rig, users } from "./testHttpRig.ts"

describe("hosts", () => {
  it.scoped("are found by name, address and Unix socket, and no others are there", () =>
    Effect.gen(function*() {
      const named = (name: string) => HttpServerResponse.text(name)
      const { client } = yield* rig({
        [users]: named("users"),
        [`${users}:8080`]: named("users 8080"),
        "https://secure.test": named("secure"),
        "http://127.0.0.1:9000": named("address"),
        "http+unix://%2Frun%2Fapp.sock": named("unix")
      })
      const ask = (url: string) => Effect.flatMap(client.get(url), (response) => response.text)
      const tagOf = (url: string) => Effect.map(Effect.flip(client.get(url)), (error) => causeOf(error)._tag)
      assert.strictEqual(yield* ask(`${users}/`), "users")
      assert.strictEqual(yield* ask("http://USERS.test:80/"), "users")
      assert.strictEqual(yield* ask(`${users}:8080/`), "users 8080")
      assert.strictEqual(yield* ask("https://secure.test/"), "secure")
      assert.strictEqual(yield* ask("http://127.0.0.1:9000/"), "address")
      assert.strictEqual(yield* ask("http+unix://%2Frun%2Fapp.sock/"), "unix")
      assert.strictEqual(
        yield* ask("http://whatever/").pipe(PooledHttpClient.withOptions({ socketPath: "/run/app.sock" })),
        "unix"
      )
      assert.strictEqual(yield* tagOf("http://nobody.test/"), "ResolveFailed")
      // a name that is known, and a port that nobody listens on
      assert.strictEqual(yield* tagOf(`${users}:8081/`), "ConnectFailed")
      assert.strictEqual(yield* tagOf("https://users.test/"), "ConnectFailed")
      assert.strictEqual(yield* tagOf("http://127.0.0.2/"), "ConnectFailed")
      assert.strictEqual(yield* tagOf("http+unix://%2Frun%2Fother.sock/"), "ConnectFailed")
    }))

  it.scoped("have addresses of their own", () =>
    Effect.gen(function*() {
      const app = HttpServerResponse.empty()
      const { client } = yield* rig({ [users]: app, "http://b.test": app, [`${users}:81`]: app })
      const addressOf = (url: string) =>
        Effect.map(client.get(url), (response) => Option.getOrThrow(response.remoteAddress))
      assert.strictEqual(yield* addressOf(users), "10.0.0.1")
      assert.strictEqual(yield* addressOf("http://b.test"), "10.0.0.2")
      assert.strictEqual(yield* addressOf(`${users}:81`), "10.0.0.1")
    }))
})
