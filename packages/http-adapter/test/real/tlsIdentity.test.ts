/** What was agreed on under one set of TLS options is worth nothing under another one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TLSSocket } from "node:tls"
import { PooledHttpClient, Resolver } from "../../src/index.ts"
import { certificates } from "../parts/certificates.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { causeOf, rig, textOf } from "./rig.ts"

const fresh = PooledHttpClient.withOptions({ fresh: true })

describe.skipIf(lacks("openssl"))("TLS under other options", () => {
  it.scopedLive("a session is resumed under the options it was made with, and under no others", () =>
    Effect.gen(function*() {
      const { authority, localhost, otherAuthority } = yield* certificates
      const peer = yield* Peer.start(Faults.answers(), { tls: localhost })
      const rigged = yield* rig(
        // equal options, but never the same object
        { overrides: () => ({ tls: { ca: [authority] } }) },
        Resolver.layerStatic({ localhost: ["127.0.0.1"] })
      )
      const url = peer.origin.replace("127.0.0.1", "localhost")
      const resumed = Effect.map(fresh(textOf(rigged, url)), () => {
        const last = peer.connections.at(-1)?.socket
        return last instanceof TLSSocket && last.isSessionReused()
      })
      // The ticket of a session comes when it likes.
      assert.isTrue(yield* Effect.repeat(resumed, { until: (is) => is, times: 50 }))
      yield* rigged.pool.reconfigure({ overrides: () => ({ tls: { ca: [otherAuthority] } }) })
      assert.strictEqual((yield* causeOf(fresh(textOf(rigged, url))))._tag, "TlsFailed")
      yield* rigged.pool.reconfigure({ overrides: () => ({ tls: { ca: [authority], servername: "b.test" } }) })
      assert.strictEqual((yield* causeOf(fresh(textOf(rigged, url))))._tag, "TlsFailed")
      const other = yield* Effect.option(fresh(textOf(rigged, url)))
      assert.isTrue(Option.isNone(other))
    }))
})
