/** The same program against servers in memory and on sockets: what it comes to, and how the pool stands afterwards. */
import { Cookies, HttpClient, HttpClientError, type HttpClientResponse } from "@effect/platform"
import { assert } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Option } from "effect"
import { HttpError, HttpPool, PooledHttpClient } from "../src/index.ts"
import { until } from "./parts/waiting.ts"

export type Program = (client: HttpClient.HttpClient, url: string) => Effect.Effect<unknown, unknown>

export const settings = { responseTimeout: "2 seconds", bodyTimeout: "1 second", maxResponseSize: 500_000 } as const

/** What a program came to, without what is not the same twice. */
const outcome = (exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return { success: exit.value }
  const error = Option.getOrThrow(Cause.failureOption(exit.cause))
  if (!(error instanceof HttpClientError.RequestError || error instanceof HttpClientError.ResponseError)) throw error
  const { _tag, answered, limit, timeout, written }: Readonly<Record<string, unknown>> = {
    ...Option.getOrThrow(HttpError.causeOf(error))
  }
  return { error: error._tag, reason: error.reason, _tag, answered, limit, timeout, written }
}

/** Runs a program on a pool of its own; tells its outcome, and how the host stands once nothing moves any more. */
export const run = <E, R>(layer: Layer.Layer<HttpPool.HttpPool, E, R>, program: Program, url: string) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(Layer.provideMerge(PooledHttpClient.layer, layer))
    const pool = Context.get(context, HttpPool.HttpPool)
    const exit = yield* Effect.exit(program(Context.get(context, HttpClient.HttpClient), url))
    const counts = Effect.map(pool.stats, ({ hosts: [host], ...all }) => ({
      total: all.total,
      active: all.active,
      closing: all.closing,
      opened: host?.opened,
      closedBy: host?.closedBy,
      reused: host?.reused
    }))
    return { outcome: outcome(exit), counts }
  })

export const alike = (memory: Effect.Effect.Success<ReturnType<typeof run>>, real: typeof memory) =>
  Effect.gen(function*() {
    assert.deepStrictEqual(memory.outcome, real.outcome)
    const json = Effect.all([memory.counts, real.counts]).pipe(
      Effect.map(([one, other]) => [JSON.stringify(one), JSON.stringify(other)] as const)
    )
    yield* until("the same counts", Effect.map(json, ([one, other]) => one === other)).pipe(
      Effect.catchAllCause(() => Effect.map(json, ([one, other]) => assert.strictEqual(one, other)))
    )
  })

/** Headers that both kinds of servers set alike. */
const same = (name: string) => !["date", "keep-alive"].includes(name)

export const read = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(response.arrayBuffer, (buffer) => ({
    status: response.status,
    headers: Object.entries(response.headers)
      .filter(([name, value]) => same(name) && value !== "keep-alive")
      .map(([name, value]) => `${name}: ${value.replaceAll(/boundary=.*|x{99,}/g, "…")}`)
      .toSorted(),
    cookies: Cookies.toRecord(response.cookies),
    // a form has another boundary each time
    body: response.headers["content-type"]?.startsWith("multipart") === true
      ? ""
      : Buffer.from(buffer).toString("latin1")
  }))
