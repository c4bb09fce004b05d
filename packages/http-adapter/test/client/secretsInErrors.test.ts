import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Inspectable } from "effect"
import { inspect } from "node:util"
import { ours, recorder } from "./rig.ts"

const secret = "s3cr3t"
const withSecret = (url: string): string => url.replace("http://", `http://user:${secret}@`)
const shown = (value: unknown): string =>
  [String(value), inspect(value, { depth: 20 }), Inspectable.toStringUnknown(value)].join("\n")

describe("credentials of a URL", () => {
  it.scopedLive("are in no error: refused", () =>
    Effect.gen(function*() {
      const gone = yield* Effect.scoped(Effect.map(recorder(), ({ url }) => url))
      const { client } = yield* ours()
      const error = yield* Effect.flip(client.get(withSecret(gone)))
      assert.notInclude(error.message, secret)
      assert.notInclude(shown(error), secret)
    }))
  it.scopedLive("are in no error: invalid URL, Encode, Decode, StatusCode", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const { client } = yield* ours()
      for (
        const failing of [
          client.get(`ftp://user:${secret}@x/`),
          client.get(withSecret(url), { headers: { upgrade: "x" } }),
          Effect.flatMap(client.get(withSecret(url)), (r) => r.json),
          HttpClient.filterStatus(client, () => false).get(withSecret(url))
        ]
      ) {
        const error = yield* Effect.flip(failing)
        assert.notInclude(error.message, secret)
      }
    }))
  it.scopedLive("are in no error: a password that is not encoded, and makes the text no URL", () =>
    Effect.gen(function*() {
      const { client } = yield* ours()
      for (const password of [`a/${secret}`, `a?${secret}`, `a#${secret}`, `a\\${secret}`, `a@/${secret}`]) {
        const error = yield* Effect.flip(client.get(`http://user:${password}@users.test/`))
        assert.notInclude(error.message, secret)
        assert.notInclude(shown(error), secret)
        assert.include(error.message, "users.test")
      }
    }))
  it.scopedLive("are in no printed response", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const { client } = yield* ours()
      assert.notInclude(shown(yield* client.get(withSecret(url))), secret)
    }))
})
