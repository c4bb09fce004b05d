/** A client on a built-in engine, and waiting for what happens on the other side of a socket. */
import { HttpPool } from "@watertight/http-adapter"
import { Context, Effect, Layer } from "effect"
import { setTimeout } from "node:timers/promises"
import { Docker, layer } from "../../src/container-monitor/docker/Docker.ts"
import { type Endpoint, unix } from "../../src/container-monitor/docker/Endpoint.ts"
import * as EmbeddedEngine from "../../src/container-monitor/embedded/EmbeddedEngine.ts"

/** Polls until it is so, in real time, whatever clock the test lives by. */
export const until = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>, limitMillis = 15_000) =>
  Effect.gen(function*() {
    const deadline = performance.now() + limitMillis
    while (!(yield* condition)) {
      if (performance.now() > deadline) return yield* Effect.dieMessage(`never happened: ${what}`)
      yield* Effect.promise((signal) => setTimeout(5, undefined, { signal }))
    }
  })

export const isTrue = (what: string, condition: () => boolean, limitMillis?: number) =>
  until(what, Effect.sync(condition), limitMillis)

export const connect = (endpoint: Endpoint, own: Parameters<typeof layer>[1] = {}) =>
  Effect.map(
    Layer.build(layer(endpoint, own)),
    (context) => ({ docker: Context.get(context, Docker), pool: Context.get(context, HttpPool.HttpPool) })
  )

export const rig = (options: EmbeddedEngine.Options = {}) =>
  Effect.gen(function*() {
    const engine = yield* EmbeddedEngine.make(options)
    return { engine, ...(yield* connect(unix(engine.socketPath))) }
  })

/** Cuts bytes at random. */
export const cutAtRandom = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + Math.floor(Math.random() * 20)
    pieces.push(bytes.subarray(at, end))
    at = end
  }
  return pieces
}
