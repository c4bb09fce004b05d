/** Peers that are gone without a word: no packet comes back, and the socket of the client knows nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import * as Namespaces from "../parts/namespaces.ts"
import { untilEqual } from "../parts/waiting.ts"
import type { Order } from "./namespaces/client.ts"
import type { Ports } from "./namespaces/server.ts"

const fileOf = (name: string) => fileURLToPath(new URL(`namespaces/${name}.ts`, import.meta.url))

/** the next message; its sender is a program of ours */
const said = <A>(child: ChildProcess) => Effect.promise(async () => (await once(child, "message"))[0] as A)

const stage = Effect.gen(function*() {
  const spaces = yield* Namespaces.namespaces
  const server = yield* Namespaces.program(spaces.server, fileOf("server"))
  const client = yield* Namespaces.program(spaces.client, fileOf("client"))
  const [ports] = yield* Effect.all([said<Ports>(server), said(client)], { concurrency: 2 })
  const ask = <A>(order: Order) => Effect.zipRight(Effect.sync(() => client.send(order)), said<A>(client))
  return {
    ...spaces,
    ports,
    ask,
    get: (url: string, times = 1) => ask<ReadonlyArray<string>>({ do: "get", url, times }),
    connections: (url: string) => ask<number>({ do: "connections", url })
  }
})

const millis = <A>(effect: Effect.Effect<A>) =>
  Effect.map(Effect.timed(effect), ([took, value]) => [Duration.toMillis(took), value] as const)

/** More than a machine with other things to do may take on top, and far less than TCP takes to give up, which is minutes. */
const leeway = 5_000

const quiet = { healthCheckInterval: "1 hour", idleTimeout: "1 hour", connectTimeout: "1 second", replay: false }

describe.skipIf(Namespaces.lacksNamespaces())("where packets are lost without a word", () => {
  it.scopedLive(
    "P3 P8 a silent session of HTTP/2 is given up within its deadline with all its streams, and others go on",
    () =>
      Effect.gen(function*() {
        const { addresses: [one, other], ask, connections, get, lose, mend, ports } = yield* stage
        yield* ask({
          do: "pool",
          options: { ...quiet, http2: "always", pingInterval: "400 millis", pingTimeout: "400 millis" }
        })
        const [cut, whole] = [`http://${one}:${ports.http2}`, `http://${other}:${ports.http2}`]
        const [first] = yield* get(cut)
        const [sibling = ""] = yield* get(whole)
        yield* ask({ do: "begin", url: `${cut}/never`, times: 5 })
        yield* lose(one)
        const [took, ends] = yield* millis(ask<ReadonlyArray<string>>({ do: "ends" }))
        assert.lengthOf(ends, 5)
        for (const end of ends) assert.match(end, /^ConnectionLost: .*no answer to a PING within 400 ms/u)
        assert.isBelow(took, 800 + leeway)
        assert.strictEqual(yield* connections(cut), 0)
        // nothing was ever wrong with these
        assert.deepStrictEqual(yield* get(whole, 20), Array.from({ length: 20 }, () => sibling))
        yield* mend
        const [again] = yield* get(cut)
        assert.match(again ?? "", /^\d+$/u)
        assert.notStrictEqual(again, first)
      }),
    60_000
  )

  it.scopedLive(
    "P3 P8 a half-open connection of HTTP/1.1 is found by its check, and never lent again",
    () =>
      Effect.gen(function*() {
        const { addresses: [one, other], ask, connections, forget, get, lose, mend, ports } = yield* stage
        yield* ask({
          do: "pool",
          options: { ...quiet, http2: "never", healthCheckInterval: "400 millis", healthCheckTimeout: "400 millis" }
        })
        const [cut, whole] = [`http://${one}:${ports.http1}`, `http://${other}:${ports.http1}`]
        const [first] = yield* get(cut)
        const [sibling = ""] = yield* get(whole)
        assert.strictEqual(yield* connections(cut), 1)
        yield* lose(one)
        yield* forget(one)
        const [took] = yield* millis(untilEqual("connections of the host that is cut off", connections(cut), 0))
        assert.isBelow(took, 800 + leeway)
        assert.deepStrictEqual(yield* get(whole), [sibling])
        yield* mend
        const [again] = yield* get(cut)
        assert.match(again ?? "", /^\d+$/u)
        assert.notStrictEqual(again, first)
      }),
    60_000
  )
})
