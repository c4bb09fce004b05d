/** Credentials of a URL are sent to its server and shown to nobody else. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Inspectable, Option, Stream } from "effect"
import { inspect } from "node:util"
import { HttpError, Origin } from "../../src/index.ts"
import { until } from "../parts/waiting.ts"
import { answer, ours, recorder, refused as gone, theirs } from "./rig.ts"
import { recorded } from "./spans.ts"

const secret = "s3cr3t"
const withSecret = (url: string): string => url.replace("http://", `http://user:${secret}@`)

/** All ways in which a value is written to a log. */
const shown = (value: unknown): string =>
  [String(value), inspect(value, { depth: 20 }), Inspectable.toStringUnknown(value)].join("\n")

describe("credentials of a URL", () => {
  it.scopedLive("are in no label, statistic or event of the pool", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* recorder()
      const { client, pool } = yield* ours()
      const events: Array<unknown> = []
      yield* Effect.fork(Stream.runForEach(pool.events, (event) => Effect.sync(() => events.push(event))))
      yield* until(
        "the pool tells its events",
        Effect.as(client.get(withSecret(url)), true).pipe(Effect.map(() => events.length > 0))
      )
      assert.isString(requests[0]?.headers.authorization)
      const origin = Origin.fromUrl(withSecret(url))
      assert(origin !== undefined)
      const host = Option.getOrThrow(yield* pool.hostStats(origin))
      const text = shown([yield* pool.stats, host, events, origin, origin.label])
      assert.include(text, url)
      assert.notInclude(text, secret)
    }))

  it.scopedLive("are in no span, unlike over layerUndici", () =>
    Effect.gen(function*() {
      const { url } = yield* recorder()
      const spansOf = (run: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function*() {
          const record = yield* recorded
          yield* Effect.exit(record.on(run))
          return shown(record.spans.map((span) => [span.name, [...span.attributes], "events" in span && span.events]))
        })
      const { client } = yield* ours()
      const own = yield* spansOf(client.get(`${withSecret(url)}/path`))
      assert.include(own, `${url}/path`)
      assert.notInclude(own, secret)
      const undici = yield* theirs
      assert.include(yield* spansOf(undici.get(withSecret(url))), secret)
    }))

  it.scopedLive("are in no cause of an error", () =>
    Effect.gen(function*() {
      const cut = yield* answer((_, response) => {
        response.writeHead(200, { "content-length": 9 }).write("cut")
        response.destroy()
      })
      const { client } = yield* ours()
      const refused = yield* Effect.flip(client.get(withSecret(yield* gone)))
      const lost = yield* Effect.flip(Effect.flatMap(client.get(withSecret(cut.url)), (response) => response.text))
      for (const error of [refused, lost]) {
        const cause = Option.getOrThrow(HttpError.causeOf(error))
        assert.notInclude(shown(cause), secret)
        assert.notInclude(error.description ?? "", secret)
      }
    }))
})
