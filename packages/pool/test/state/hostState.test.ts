import { describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import { type Command, commands, type Kind } from "./arbitraries.ts"
import { run } from "./run.ts"
import { setup } from "./setup.ts"

interface Campaign {
  readonly runs: number
  readonly hosts: number
  readonly multiplexes?: fc.Arbitrary<boolean>
  readonly emphasis?: Partial<Record<Kind, number>>
}

/** A failure prints its seed and the shortest commands that lead to it. */
const holds = ({ emphasis = {}, hosts, multiplexes = fc.boolean(), runs }: Campaign) => (): void =>
  fc.assert(
    fc.property(
      fc.record({ setup: setup({ hosts, multiplexes }), commands: commands(emphasis), patient: fc.boolean() }),
      run
    ),
    { numRuns: runs }
  )

describe("HostState against a naive model", () => {
  test(
    "P1, P7, I1, I2, I3, I6, I7, I9, I10: every socket, lease and waiter of one host is in one place, and counted once",
    holds({ runs: 700, hosts: 1, multiplexes: fc.constant(false) })
  )

  test(
    "P1, I4, I5: connections with room for several leases: nobody waits for what is there, nobody is overtaken",
    holds({ runs: 700, hosts: 1, multiplexes: fc.constant(true), emphasis: { take: 8, signal: 4 } })
  )

  test(
    "P1, P8, I4: hosts that share a scarce total limit are served in turn, and none waits for ever",
    holds({ runs: 700, hosts: 3, emphasis: { gone: 10, warm: 4 } })
  )

  test(
    "D6: failing addresses: exactly n probes while half-open, and nothing is lent of what leads where leases failed",
    holds({ runs: 1500, hosts: 2, emphasis: { failed: 7, late: 2, blame: 2, race: 3, advance: 6 } })
  )

  test(
    "P3, P4, P10: checks, suspicion and eviction: what is checked, suspect or past its time is not lent",
    holds({
      runs: 1000,
      hosts: 2,
      emphasis: { join: 5, warm: 6, suspect: 3, reserve: 6, checkLate: 2, ask: 3, unproven: 2, evict: 4, advance: 5 }
    })
  )

  test(
    "P9, I8: a pool that is closed in the middle of everything answers everybody and keeps nothing",
    holds({ runs: 500, hosts: 2, emphasis: { shut: 0.6, cut: 2 } })
  )

  test(
    "S5: after any mix of failures the permits are exact, and at the end every count is zero",
    holds({
      runs: 500,
      hosts: 3,
      emphasis: { failed: 4, late: 3, givenUp: 3, abandon: 3, discard: 3, retireAll: 1, settings: 2, unresolved: 2 }
    })
  )

  // too rare for the runs above
  test("P1, I4: a fresh connection is found behind one that was lent, but never received", () => {
    const host = { settings: {}, multiplexes: false, known: true }
    const fresh: Command = ["join", 0, 0, 0]
    const openFirst: Command = ["opened", 0, 0, 0]
    const unusedLast: Command = ["release", 0, 1, 4]
    const unusedFirst: Command = ["release", 0, 0, 4]
    run({
      setup: { total: 4, idleTotal: Infinity, slots: 1, hosts: [host] },
      commands: [fresh, openFirst, fresh, ["advance", 0, 0, 0], openFirst, unusedLast, unusedFirst, fresh],
      patient: false
    })
  })
})
