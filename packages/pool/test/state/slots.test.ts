import { assert, describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import { Slots } from "../../src/internal/state/slots.ts"

describe("Slots", () => {
  test("P10: a slot is free exactly as long as fewer are used than may be, also after the limit has moved", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 40, size: "max" }),
        (limit, commands) => {
          const slots = new Slots(limit)
          let used = 0
          let most = limit
          for (const command of commands) {
            if (command === -1 && used > 0) slots.used = --used
            else if (command === 5 && slots.free) slots.used = ++used
            else if (command >= 0 && command < 5) slots.limit = most = command
            assert.strictEqual(slots.free, used < most)
          }
        }
      )
    )
  })
})
