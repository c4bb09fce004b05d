import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import type * as Tracer from "effect/Tracer"
import type { Connector } from "../src/Connector.ts"
import { Signal } from "../src/Connector.ts"
import { ask, borrow, borrowers, poolOf, rig, settle, statsOf } from "./rig.ts"

/** What a review by attack had found. */
describe("a pool under attack", () => {
  it.scoped("P1: many that warm the same host at once cost no more than each by itself", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 20 })
      // each one steps, and each step tells all of them: told again from inside of that, this would never end
      yield* Effect.all(Array.from({ length: 40 }, () => pool.warm("a", 20)), { concurrency: "unbounded" })
      assert.strictEqual(yield* network.openNow("a"), 20)
    }))

  it.scoped("P8: a probe whose lease goes on and on does not keep its host shut", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ breaker: { failures: 1, openFor: "10 seconds" }, leakThreshold: Infinity })
      yield* network.failOpen("a", true)
      yield* Effect.flip(ask(pool))
      yield* network.failOpen("a", false)
      yield* TestClock.adjust("10 seconds")
      const endless = yield* borrow(pool)
      assert.isTrue(yield* endless.has)
      assert.strictEqual((yield* Effect.flip(ask(pool)))._tag, "HostUnavailable")
      yield* TestClock.adjust("10 seconds")
      yield* ask(pool)
      yield* endless.release
    }))

  it.scoped("P8: a peer that refuses new connections at its own limit keeps the ones that it serves", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 20, breaker: { failures: 3 } })
      const served = yield* borrowers(pool, 5)
      yield* network.failOpen("a", true)
      for (let n = 0; n < 5; n++) yield* Effect.flip(ask(pool, "a", { timeout: "1 second" }))
      for (const one of served) yield* one.release
      assert.include(yield* statsOf(pool), { idle: 5, closed: 0 })
      yield* ask(pool)
    }))

  it.scoped("P8: a peer that drains each connection as it opens does not keep anybody dialing", () =>
    Effect.gen(function*() {
      let dials = 0
      const draining: Connector<string, number> = {
        label: (key) => key,
        resolve: () => Effect.succeed({ addresses: ["x"] }),
        open: (_key, _address, report) =>
          Effect.sync(() => {
            report(Signal.Draining())
            return ++dials
          }),
        check: () => Effect.void
      }
      const pool = yield* poolOf(draining, { breaker: { failures: 5 } })
      const error = yield* Effect.flip(pool.use("a", () => Effect.void))
      assert.strictEqual(error._tag, "HostUnavailable")
      assert.strictEqual(dials, 5)
    }))

  it.scoped("P4: a peer that accepts and closes at once is not dialed as fast as it does that to keep the floor", () =>
    Effect.gen(function*() {
      let dials = 0
      const closing: Connector<string, number> = {
        label: (key) => key,
        resolve: () => Effect.succeed({ addresses: ["x"] }),
        open: (_key, _address, report) =>
          Effect.as(
            Effect.forkDaemon(
              Effect.delay(Effect.sync(() => report(Signal.Closed({ reason: "no backend" }))), "1 millis")
            ),
            ++dials
          ),
        check: () => Effect.void
      }
      const pool = yield* poolOf(closing, { minIdle: 1 })
      yield* Effect.exit(pool.use("a", () => Effect.void))
      yield* TestClock.adjust("2 seconds")
      assert.isAtMost(dials, 22)
      assert.isAtLeast(dials, 5)
    }))

  it.scoped("P1: a tracer that throws costs nobody the connection", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const holder = yield* borrow(pool)
      // a span of somebody else's making; only what the pool calls of it matters
      const span = {
        _tag: "Span",
        name: "broken",
        spanId: "s",
        traceId: "t",
        sampled: true,
        event: () => {
          throw new Error("the exporter is gone")
        }
      } as unknown as Tracer.AnySpan
      const waiting = yield* Effect.fork(Effect.withParentSpan(pool.use("a", () => Effect.succeed("served")), span))
      yield* settle
      yield* holder.release
      assert.strictEqual(yield* Fiber.join(waiting), "served")
    }))

  it.scoped("P5, P8: an answer of the resolver that is none costs its host no more than a failure", () =>
    Effect.gen(function*() {
      let broken = true
      const connector: Connector<string, string> = {
        label: (key) => key,
        // what a connector written in JavaScript may answer
        resolve: (key) =>
          Effect.sync(() =>
            (broken && key === "a" ? {} : { addresses: ["x"] }) as { addresses: ReadonlyArray<string> }
          ),
        open: (key) => Effect.succeed(key),
        check: () => Effect.void
      }
      const pool = yield* poolOf(connector, { maxResolving: 1 })
      const exit = yield* Effect.exit(pool.use("a", () => Effect.void))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      yield* pool.use("b", () => Effect.void)
      broken = false
      yield* pool.use("a", () => Effect.void)
    }))

  it.scoped("P1: a wrong argument names itself, whether or not anything has to be waited for", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      yield* ask(pool)
      for (const timeout of [-1, Number.NaN, "soon"]) {
        // what TypeScript would not let through, too
        const exit = yield* Effect.exit(ask(pool, "a", { timeout: timeout as number }))
        const defect = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined
        assert.include(defect, { _tag: "ConfigInvalid", field: "timeout" })
      }
      for (const connections of [-1, Number.NaN, 1.5]) {
        const exit = yield* Effect.exit(pool.warm("a", connections))
        const defect = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined
        assert.include(defect, { _tag: "ConfigInvalid", field: "connections" })
      }
    }))

  it.scoped("P7: what the metrics are called cannot be changed under them", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ name: "first" })
      const error = yield* Effect.flip(pool.reconfigure({ name: "second" }))
      assert.include(error, { _tag: "ConfigInvalid", field: "name", value: "second" })
      yield* pool.reconfigure({ name: "first", maxUses: 7 })
    }))
})
