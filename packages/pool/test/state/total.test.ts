import { assert, describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import { Total } from "../../src/internal/state/total.ts"

const hosts = ["a", "b", "c", "d"] as const
type Host = (typeof hosts)[number]

const command = fc.tuple(
  fc.constantFrom("take", "take", "takeSpare", "takeAgain", "give", "close", "leave", "limit"),
  fc.constantFrom(...hosts),
  fc.nat(4)
)

describe("Total", () => {
  test("P1, P8: never more permits than the limit, and the line is served in order: model against implementation", () => {
    fc.assert(
      fc.property(fc.nat(4), fc.array(command, { maxLength: 80, size: "max" }), (most, commands) => {
        const total = new Total<Host>(most, Infinity)
        let limit = most
        let used = 0
        let closing = 0
        let line: Array<Host> = []
        for (const [kind, host, n] of commands) {
          switch (kind) {
            case "take": {
              const may = used < limit && (line.length === 0 || line[0] === host)
              assert.strictEqual(total.take(host), may)
              if (may) {
                used++
                line = line.filter((other) => other !== host)
              } else if (!line.includes(host)) line.push(host)
              break
            }
            case "takeSpare": {
              const may = used < limit && line.length === 0
              assert.strictEqual(total.takeSpare(), may)
              if (may) used++
              break
            }
            case "takeAgain": {
              // what was given back in the same step, whoever is in line
              assert.strictEqual(total.takeAgain(), used < limit)
              if (used < limit) used++
              break
            }
            case "give": {
              if (used === 0) break
              total.give()
              used--
              if (closing > used) total.closing = --closing
              break
            }
            case "close": {
              if (closing < used) total.closing = ++closing
              break
            }
            case "leave": {
              total.line.delete(host)
              line = line.filter((other) => other !== host)
              break
            }
            case "limit": {
              total.limit = limit = n
              break
            }
          }
          assert.strictEqual(total.used, used)
          assert.deepStrictEqual([...total.line], line)
          assert.strictEqual(total.first, line[0])
          // each host in line needs one permit: a free one, one about to be free, or one that room is made for
          assert.strictEqual(total.wanted, line.length - closing - Math.max(0, limit - used))
        }
      }),
      { numRuns: 300 }
    )
  })

  test("P8: a newcomer cannot take the permit that somebody in line waits for, and who wants more goes to the end", () => {
    const total = new Total<Host>(1, Infinity)
    assert.isTrue(total.take("a"))
    assert.isFalse(total.take("b"))
    assert.isFalse(total.take("c"))
    total.give()
    assert.isFalse(total.take("d"), "barged")
    assert.isFalse(total.take("c"), "overtook")
    assert.isFalse(total.takeSpare(), "a permit for nobody is not to spare while somebody waits")
    assert.isTrue(total.take("b"))
    assert.isFalse(total.take("b"))
    assert.deepStrictEqual([...total.line], ["c", "d", "b"])
  })
})
