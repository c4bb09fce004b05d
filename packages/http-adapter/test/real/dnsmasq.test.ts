import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Resolver } from "../../src/index.ts"
import * as Dnsmasq from "../parts/dnsmasq.ts"
import { lacks } from "../parts/programs.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { causeOf, hostOf, rig, textOf } from "./rig.ts"

const two = "127.0.0.2"
const three = "127.0.0.3"

/** One name, at first at 127.0.0.2; at both addresses a server that says its own, on the same port. */
const moving = Effect.gen(function*() {
  const dnsmasq = yield* Dnsmasq.start({ "pool.test": [two] })
  const old = yield* Peer.start(Faults.answers(() => Faults.response(two)), { host: two })
  const next = yield* Peer.start(Faults.answers(() => Faults.response(three)), { host: three, port: old.port })
  const rigged = yield* rig(
    // The records live for a second; a longer interval would not be waited for.
    { dnsRefreshInterval: "200 millis", maxConnectionsPerHost: 4 },
    Resolver.layerDns({ servers: [dnsmasq.server] })
  )
  return { dnsmasq, old, next, rigged, url: `http://pool.test:${old.port}/` }
})

describe.skipIf(lacks("dnsmasq"))("dnsmasq", () => {
  it.scopedLive("P5 when an address changes requests move to the new one, none fails, and the old connections go", () =>
    Effect.gen(function*() {
      const { dnsmasq, next, old, rigged, url } = yield* moving
      const answers: Array<string> = []
      const asking = yield* Effect.fork(
        Effect.all(
          Array.from(
            { length: 4 },
            () => Effect.forever(Effect.map(textOf(rigged, url), (text) => answers.push(text)))
          ),
          { concurrency: 4 }
        )
      )
      const failed = () => asking.unsafePoll() !== null
      const some = (what: string, condition: () => boolean) => until(what, Effect.sync(() => condition() || failed()))
      yield* some("answers of the old address", () => answers.length > 100)
      assert.isFalse(answers.includes(three))
      yield* dnsmasq.change({ "pool.test": [three] })
      yield* some("the old connections are gone", () => old.open() === 0)
      const moved = answers.length
      yield* some("answers of the new address", () => answers.length > moved + 100)
      assert.isTrue(Option.isNone(yield* Fiber.poll(asking)), "a request failed")
      yield* Fiber.interrupt(asking)
      assert.deepStrictEqual(new Set(answers.slice(-100)), new Set([three]))
      assert.strictEqual(old.accepted(), 4)
      assert.isAtMost(next.accepted(), 8)
      const { addresses, closedBy } = yield* hostOf(rigged, url)
      assert.strictEqual(closedBy.addressGone, 4)
      assert.deepStrictEqual(addresses.filter((one) => one.current).map((one) => one.address), [three])
    }))

  it.scopedLive("P5 a busy connection to an address that is gone ends its request first; an idle one goes at once", () =>
    Effect.gen(function*() {
      const { dnsmasq, old, rigged, url } = yield* moving
      const gate = Faults.gated(Faults.answers(() => Faults.response("late")))
      const both = yield* Effect.all([textOf(rigged, url), textOf(rigged, url)], { concurrency: 2 })
      assert.deepStrictEqual(both, [two, two])
      yield* old.awaitOpen(2)
      old.become(gate.behaviour)
      const late = yield* Effect.fork(textOf(rigged, url))
      yield* until("the request is there", Effect.sync(() => old.requests().length === 3))
      yield* dnsmasq.change({ "pool.test": [three] })
      yield* old.awaitOpen(1)
      assert.strictEqual(yield* textOf(rigged, url), three)
      gate.open()
      assert.strictEqual(yield* Fiber.join(late), "late")
      yield* old.awaitOpen(0)
    }))

  it.scopedLive("P5 a name server that fails changes nothing: the last good answer stays", () =>
    Effect.gen(function*() {
      const { dnsmasq, old, rigged, url } = yield* moving
      assert.strictEqual(yield* textOf(rigged, url), two)
      const failed = yield* Deferred.make<void>()
      yield* rigged.pool.events.pipe(
        Stream.filter((event) => event._tag === "ResolveFailed"),
        Stream.take(2),
        Stream.runDrain,
        Effect.zipRight(Deferred.succeed(failed, undefined)),
        Effect.forkScoped
      )
      yield* dnsmasq.signal("SIGKILL")
      yield* Deferred.await(failed)
      assert.strictEqual(yield* textOf(rigged, url), two)
      // The limit allows more connections: one more is dialed to the address of before.
      yield* Effect.all([textOf(rigged, url), textOf(rigged, url)], { concurrency: 2 })
      assert.strictEqual(old.accepted(), 2)
    }))

  it.scopedLive("a name that does not exist is a typed error; once it exists it is found", () =>
    Effect.gen(function*() {
      const { dnsmasq, old, rigged } = yield* moving
      const url = `http://later.test:${old.port}/`
      const cause = yield* causeOf(textOf(rigged, url))
      assert(cause._tag === "ResolveFailed")
      assert.strictEqual(cause.message, "later.test: its addresses could not be found (ENOTFOUND)")
      yield* dnsmasq.change({ "pool.test": [two], "later.test": [two] })
      assert.strictEqual(yield* textOf(rigged, url), two)
    }))
})
