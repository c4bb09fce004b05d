/** Name servers that say nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Dgram from "node:dgram"
import { once } from "node:events"
import { Resolver } from "../../src/index.ts"
import * as Descriptors from "../parts/descriptors.ts"
import { until } from "../parts/waiting.ts"
import { causeOf, rig, textOf } from "../real/rig.ts"
import { awaitLevel, holdings } from "./holdings.ts"

/** Receives questions, and counts them. */
const silent = Effect.gen(function*() {
  let questions = 0
  const socket = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const made = Dgram.createSocket("udp4").on("message", () => questions++).bind(0, "127.0.0.1")
      await once(made, "listening")
      return made
    }),
    (made) =>
      Effect.promise(async () => {
        made.close()
        await once(made, "close")
      })
  )
  return { server: `127.0.0.1:${socket.address().port}`, questions: () => questions }
})

const names = ["a.test", "b.test", "c.test", "d.test"]

describe.skipIf(!Descriptors.available)("a name server that says nothing", () => {
  it.scopedLive("P5 P2 holds no socket of those who have given up, nor of a pool that has ended", () =>
    Effect.gen(function*() {
      const { questions, server } = yield* silent
      const before = yield* holdings
      const scope = yield* Scope.make()
      const rigged = yield* Scope.extend(
        rig({ resolveTimeout: "300 millis" }, Resolver.layerDns({ servers: [server], timeout: "1 minute" })),
        scope
      )
      const ask = (prefix: string) =>
        Effect.forEach(names, (name) => Effect.fork(causeOf(textOf(rigged, `http://${prefix}${name}/`))))
      const first = yield* ask("one-")
      // for its addresses of either kind
      yield* until("it is asked", Effect.sync(() => questions() === 2 * names.length))
      assert.isAbove(yield* Descriptors.sockets, before.sockets)
      for (const cause of yield* Effect.forEach(first, Fiber.join)) assert.strictEqual(cause._tag, "ResolveTimeout")
      yield* Descriptors.awaitSockets(before.sockets)
      const second = yield* ask("two-")
      yield* until("it is asked again", Effect.sync(() => questions() === 4 * names.length))
      yield* Scope.close(scope, Exit.void)
      for (const cause of yield* Effect.forEach(second, Fiber.join)) assert.strictEqual(cause._tag, "PoolClosed")
      yield* awaitLevel(before)
    }))
})
