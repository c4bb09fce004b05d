import { assert, describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import * as Breaker from "../../src/internal/state/breaker.ts"
import { BreakerModel } from "./breakerModel.ts"

const settings = fc.record({
  failures: fc.constantFrom(1, 2, 3, Infinity),
  openFor: fc.constantFrom(1, 10),
  probes: fc.integer({ min: 1, max: 3 })
})

const command = fc.tuple(
  fc.constantFrom("begin", "begin", "begin", "succeed", "fail", "fail", "forgo", "advance", "advance"),
  fc.nat(20)
)

describe("Breaker", () => {
  test("D6: opens after so many failures in a row, lets exactly n probes try, closes and opens by their verdict", () => {
    fc.assert(
      fc.property(settings, fc.array(command, { maxLength: 60, size: "max" }), (limits, commands) => {
        const model = new BreakerModel(limits)
        let breaker = Breaker.closed
        let now = 0
        let dials = 0
        let underWay: Array<number> = []
        for (const [kind, pick] of commands) {
          // usually one of the last, so that verdicts are often those of probes
          const who = underWay[underWay.length - 1 - pick % Math.min(4, Math.max(1, underWay.length))]
          if (kind === "advance") now += pick
          else if (kind === "begin") {
            assert.strictEqual(Breaker.admits(breaker, limits, now), model.admits(now))
            if (!model.admits(now)) continue
            const dial = dials++
            underWay.push(dial)
            model.begin(dial)
            breaker = Breaker.begin(breaker)
          } else if (who !== undefined) {
            const probe = model.probes.has(who)
            underWay = underWay.filter((other) => other !== who)
            if (kind === "succeed") {
              model.succeed(who)
              breaker = Breaker.succeed(breaker, probe)
            } else if (kind === "fail") {
              model.fail(who, now)
              breaker = Breaker.fail(breaker, limits, probe, now)
            } else {
              model.forgo(who)
              if (probe) breaker = Breaker.forgo(breaker)
            }
          }
          assert.strictEqual(breaker.state, model.state)
          if (breaker.state === "halfOpen") {
            assert.strictEqual(breaker.probing, model.probes.size)
            assert.isAtMost(breaker.probing, limits.probes)
          }
          const wait = model.state === "open" ? Math.max(0, model.openUntil - now) : 0
          assert.strictEqual(Breaker.retryAfter(breaker, now), wait)
          assert.deepStrictEqual(Breaker.closed, { state: "closed", failures: 0 }, "a shared value was written to")
        }
      }),
      { numRuns: 1_000 }
    )
  })

  test("D6: an old connection, good or bad, is no verdict on an open or half-open breaker", () => {
    const limits = { failures: 1, openFor: 10, probes: 1 }
    const open = Breaker.fail(Breaker.closed, limits, false, 0)
    assert.strictEqual(open.state, "open")
    assert.strictEqual(Breaker.succeed(open, false), open)
    assert.strictEqual(Breaker.fail(open, limits, false, 5), open, "a failure must not prolong it")
    const halfOpen = Breaker.begin(open)
    assert.strictEqual(Breaker.succeed(halfOpen, false), halfOpen)
    assert.strictEqual(Breaker.fail(halfOpen, limits, false, 11), halfOpen)
    assert.strictEqual(Breaker.succeed(halfOpen, true).state, "closed")
    assert.deepStrictEqual(Breaker.fail(halfOpen, limits, true, 11), { state: "open", until: 21 })
  })
})
