/** Names whose addresses change: in virtual time, with a resolver of the test, and with servers on all addresses. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, type Layer, Scope, TestClock } from "effect"
import { HttpError, Resolver } from "../../src/index.ts"
import * as Faults from "../parts/tcp/faults.ts"
import * as Peer from "../parts/tcp/peer.ts"
import { until } from "../parts/waiting.ts"
import { hostOf, rig, textOf } from "../real/rig.ts"
import { awaitLevel, holdings } from "./holdings.ts"

const two = "127.0.0.2"
const three = "127.0.0.3"

type Answer = ReturnType<Resolver.ResolverService["resolve"]>

const addresses = (...all: ReadonlyArray<string>): Answer => Effect.succeed({ addresses: all })

/** A name at first at 127.0.0.2; at both addresses a server that says which it is, on the same port. */
const moving = Effect.gen(function*() {
  let answer = addresses(two)
  const asked: Array<string> = []
  const says = (address: string) => Faults.delayed(10, Faults.answers(() => Faults.response(address)))
  const old = yield* Peer.start(says(two), { host: two })
  const next = yield* Peer.start(says(three), { host: three, port: old.port })
  const resolver: Layer.Layer<never> = Resolver.layer({
    resolve: (hostname) =>
      Effect.suspend(() => {
        asked.push(hostname)
        return answer
      })
  })
  const scope = yield* Scope.make()
  const level = yield* holdings
  // In virtual time a check would be over before the peer could answer.
  const rigged = yield* Scope.extend(
    rig({ healthCheck: "socketOnly", idleTimeout: "1 day", maxLifetime: Infinity }, resolver),
    scope
  )
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  return {
    asked: () => asked.length,
    become: (other: Answer) => {
      answer = other
    },
    end: Scope.close(scope, Exit.void),
    level,
    next,
    old,
    rigged,
    url: `http://moving.test:${old.port}/`
  }
})

describe("a name whose address changes", () => {
  it.scoped("P5 P3 after the refresh its idle connections are gone, and the next request goes to the new address", () =>
    Effect.gen(function*() {
      const { asked, become, next, old, rigged, url } = yield* moving
      yield* Effect.replicateEffect(textOf(rigged, url), 3, { concurrency: 3 })
      yield* old.awaitOpen(3)
      become(addresses(three))
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* textOf(rigged, url), two)
      assert.strictEqual(asked(), 1)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(asked(), 2)
      yield* old.awaitOpen(0)
      assert.strictEqual(yield* textOf(rigged, url), three)
      assert.deepStrictEqual([old.accepted(), next.accepted()], [3, 1])
      assert.deepStrictEqual((yield* hostOf(rigged, url)).closedBy, { addressGone: 3 })
    }))

  it.scoped("P5 a request under way ends on its connection, which is closed behind it", () =>
    Effect.gen(function*() {
      const { become, old, rigged, url } = yield* moving
      const gate = Faults.gated(Faults.answers(() => Faults.response("late")))
      old.become(gate.behaviour)
      const late = yield* Effect.fork(textOf(rigged, url))
      yield* until("the request is there", Effect.sync(() => old.requests().length === 1))
      become(addresses(three))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* textOf(rigged, url), three)
      assert.strictEqual(old.open(), 1)
      gate.open()
      assert.strictEqual(yield* Fiber.join(late), "late")
      yield* old.awaitOpen(0)
      const shown = (yield* hostOf(rigged, url)).addresses.map(({ address }) => address)
      assert.deepStrictEqual(shown, [three])
    }))

  it.scoped("P5 of two addresses only the connections of the one that is gone are closed", () =>
    Effect.gen(function*() {
      const { become, next, old, rigged, url } = yield* moving
      become(addresses(two, three))
      yield* Effect.replicateEffect(textOf(rigged, url), 6, { concurrency: 6 })
      assert.deepStrictEqual([old.accepted(), next.accepted()], [3, 3])
      become(addresses(three))
      yield* TestClock.adjust("30 seconds")
      yield* old.awaitOpen(0)
      assert.strictEqual(next.open(), 3)
      assert.deepInclude(yield* hostOf(rigged, url), { total: 3, idle: 3 })
    }))

  it.scoped("P5 a time to live shortens the interval, and never lengthens it", () =>
    Effect.gen(function*() {
      const { asked, become, old, rigged, url } = yield* moving
      const lives = (ttl: Duration.DurationInput) => Effect.succeed({ addresses: [two], ttl: Duration.decode(ttl) })
      become(lives("5 seconds"))
      yield* textOf(rigged, url)
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(asked(), 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(asked(), 2)
      become(lives("1 hour"))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(asked(), 3)
      yield* TestClock.adjust("29999 millis")
      assert.strictEqual(asked(), 3)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(asked(), 4)
      assert.strictEqual(old.accepted(), 1)
    }))

  const failures: Record<string, Answer> = {
    "fails": Effect.fail(new HttpError.ResolveFailed({ hostname: "moving.test", cause: new Error("SERVFAIL") })),
    "knows no address any more": addresses(),
    "hangs": Effect.never
  }
  for (const [name, failure] of Object.entries(failures)) {
    it.scoped(`P5 P2 a resolver that ${name} changes nothing, asked again and again, and leaves nothing behind`, () =>
      Effect.gen(function*() {
        const { asked, become, end, level, next, old, rigged, url } = yield* moving
        yield* textOf(rigged, url)
        const { fibers } = yield* holdings
        become(failure)
        for (let refresh = 0; refresh < 30; refresh++) yield* TestClock.adjust("40 seconds")
        assert.isAtLeast(asked(), 30)
        assert.isAtMost((yield* holdings).fibers, fibers + 1)
        assert.strictEqual(old.open(), 1)
        assert.strictEqual(yield* textOf(rigged, url), two)
        // It goes on where it was once there is an answer again.
        become(addresses(three))
        yield* TestClock.adjust("2 minutes")
        yield* old.awaitOpen(0)
        assert.strictEqual(yield* textOf(rigged, url), three)
        assert.strictEqual(next.accepted(), 1)
        become(failure)
        yield* TestClock.adjust("30 seconds")
        yield* end
        yield* next.awaitOpen(0)
        yield* awaitLevel(level)
      }))
  }
})
