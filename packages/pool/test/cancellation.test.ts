import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { ask, borrow, borrowers, poolOf, rig, settle, statsOf, type TestPool } from "./rig.ts"

/** The three ways to borrow, each one holding on for ever. */
const ways: ReadonlyArray<
  readonly [string, (pool: TestPool, body: Effect.Effect<void, string>) => Effect.Effect<void, unknown>]
> = [
  ["use", (pool, body) => pool.use("a", () => body)],
  ["acquire", (pool, body) => Effect.scoped(Effect.zipRight(pool.acquire("a"), body))],
  [
    "lease",
    (pool, body) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(
          restore(pool.lease("a")),
          (lease) => Effect.onExit(restore(body), (exit) => lease.release(exit))
        )
      )
  ]
]

describe("ending a borrower in the middle", () => {
  for (const [name, borrowing] of ways) {
    it.scoped(`P6: \`${name}\`: interrupted, its connection is closed at once and never reused`, () =>
      Effect.gen(function*() {
        const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
        const fiber = yield* Effect.fork(borrowing(pool, Effect.never))
        yield* settle
        const [connection] = yield* network.connections("a")
        const next = yield* borrow(pool)
        yield* Fiber.interrupt(fiber)
        yield* settle
        assert.isFalse(connection!.isOpen)
        assert.strictEqual((yield* next.lease).connection.id, 2)
        assert.isFalse((yield* next.lease).reused)
        assert.deepInclude(yield* statsOf(pool), { active: 1, closed: 1, closedBy: { interrupted: 1 } })
      }))

    it.scoped(`P6: \`${name}\`: the same for a defect`, () =>
      Effect.gen(function*() {
        const { network, pool } = yield* rig()
        const exit = yield* Effect.exit(borrowing(pool, Effect.dieMessage("a bug")))
        assert.include(String(exit), "a bug")
        yield* settle
        assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { interrupted: 1 } })
        assert.strictEqual(yield* network.openNow("a"), 0)
      }))

    it.scoped(`P6: \`${name}\`: a typed failure is the borrower's own affair, and keeps the connection`, () =>
      Effect.gen(function*() {
        const { network, pool } = yield* rig()
        for (let n = 0; n < 3; n++) {
          assert.strictEqual(
            yield* Effect.flip(borrowing(pool, Effect.fail("404"))),
            "404"
          )
        }
        assert.include(yield* statsOf(pool), { idle: 1, acquired: 3, reused: 2 })
        assert.strictEqual(yield* network.dialed, 1)
      }))

    it.scoped(`P6: \`${name}\`: a failure beside an interruption counts as one`, () =>
      Effect.gen(function*() {
        const { pool } = yield* rig()
        yield* Effect.exit(
          borrowing(pool, Effect.all([Effect.interrupt, Effect.never], { concurrency: 2, discard: true }))
        )
        yield* settle
        assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { interrupted: 1 } })
      }))
  }

  it.scoped("P6: a borrower that throws before it gives an effect costs its connection, not its permit", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig({ maxConnectionsPerHost: 1 })
      const throwing = Effect.sandbox(pool.use("a", (): Effect.Effect<void> => {
        throw new Error("no effect")
      }))
      assert.include(Cause.pretty(yield* Effect.flip(throwing)), "no effect")
      yield* settle
      // and on the path of an idle connection
      yield* ask(pool)
      assert.include(Cause.pretty(yield* Effect.flip(throwing)), "no effect")
      yield* settle
      assert.deepInclude(yield* statsOf(pool), { total: 0, closedBy: { interrupted: 2 } })
      assert.isNumber(yield* ask(pool))
    }))

  it.scoped("P6: interrupted at any turn from the call to the end, nothing is lost", () =>
    Effect.gen(function*() {
      const { network, pool } = yield* rig({ maxConnectionsPerHost: 1 })
      for (const [, borrowing] of ways) {
        for (let turns = 0; turns < 25; turns++) {
          const fiber = yield* Effect.fork(borrowing(pool, Effect.repeatN(Effect.yieldNow(), 3)))
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
          yield* settle
          assert.include(yield* pool.stats, { active: 0, waiting: 0, connecting: 0, closing: 0 })
        }
      }
      assert.isNumber(yield* ask(pool))
      assert.strictEqual(yield* network.peakOpen("a"), 1)
    }))

  it.scoped("P6: a scope that closes with a failure gives back, one that closes interrupted closes", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      for (const exit of [Exit.succeed(1), Exit.fail("no"), Exit.interrupt(yield* Effect.fiberId)]) {
        const scope = yield* Scope.make()
        yield* pool.acquire("a").pipe(Scope.extend(scope))
        yield* Scope.close(scope, exit)
      }
      yield* settle
      assert.deepInclude(yield* statsOf(pool), { acquired: 3, reused: 2, opened: 1, closedBy: { interrupted: 1 } })
    }))

  it.scoped("P6: interrupting one borrower leaves every other one alone", () =>
    Effect.gen(function*() {
      const { pool } = yield* rig()
      const all = yield* Effect.all([borrow(pool), borrow(pool), borrow(pool)])
      yield* all[1].interrupt
      for (const one of [all[0], all[2]]) assert.isTrue((yield* one.lease).connection.isOpen)
      assert.include(yield* statsOf(pool), { active: 2 })
    }))

  it.scoped("P6: the connector is asked what to do with the very connection", () =>
    Effect.gen(function*() {
      const { network } = yield* rig()
      const asked: Array<number> = []
      const pool = yield* poolOf({
        ...network.connector,
        interrupt: (connection) => {
          asked.push(connection.id)
          return connection.id === 1 ? "keep" : "close"
        }
      })
      const [one, other] = yield* borrowers(pool, 2)
      yield* one!.interrupt
      yield* other!.interrupt
      assert.deepStrictEqual(asked, [1, 2])
      assert.deepInclude(yield* statsOf(pool), { idle: 1, closedBy: { interrupted: 1 } })
      assert.strictEqual(yield* ask(pool), 1)
    }))
})
