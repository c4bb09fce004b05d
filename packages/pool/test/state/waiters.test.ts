import { assert, describe, test } from "@effect/vitest"
import * as fc from "fast-check"
import { Dial } from "../../src/internal/state/dial.ts"
import { type Waiter, Waiters } from "../../src/internal/state/waiters.ts"
import { waiting } from "./books.ts"

const command = fc.tuple(
  fc.constantFrom("join", "join", "join", "own", "own", "adopt", "disown", "leave", "leave", "first"),
  fc.nat(40),
  fc.boolean()
)

/** A waiter as the model sees it: its place is its place in one array, whatever has been dialed for it. */
interface Entry {
  readonly waiter: Waiter
  dial: Dial | undefined
}

describe("Waiters", () => {
  test("P1, I5: joining, leaving from anywhere, dials coming and going: the order of arrival stands, as in one array", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80, size: "max" }), (commands) => {
        const waiters = new Waiters<Waiter>()
        let queue: Array<Entry> = []
        const orphans: Array<Dial> = []
        const undialed = () => queue.filter((entry) => entry.dial === undefined)
        let now = 0
        for (const [kind, pick, flag] of commands) {
          const entry = queue[pick % Math.max(1, queue.length)]
          if (kind === "join") {
            now += pick % 3
            const waiter = waiting(now, flag)
            waiters.join(waiter)
            queue.push({ waiter, dial: undefined })
          } else if (kind === "own" || kind === "adopt") {
            // usually the first without a dial gets one, but any may
            const free = undialed()
            const owner = flag ? free[0] : free[pick % Math.max(1, free.length)]
            if (owner === undefined) continue
            owner.dial = (kind === "adopt" ? orphans.shift() : undefined) ?? new Dial()
            waiters.own(owner.waiter, owner.dial)
          } else if (kind === "disown" && entry?.dial !== undefined) {
            assert.strictEqual(waiters.disown(entry.dial), entry.waiter)
            assert.strictEqual(waiters.disown(entry.dial), undefined, "disowned twice")
            entry.dial = undefined
          } else if (kind === "leave" && entry !== undefined) {
            waiters.leave(entry.waiter)
            queue = queue.filter((other) => other !== entry)
            const heir = undialed()[0]
            if (entry.dial !== undefined && heir !== undefined) heir.dial = entry.dial
            else if (entry.dial !== undefined) orphans.push(entry.dial)
          } else if (kind === "first") {
            const openedAt = now - pick % 4
            const takes = ({ waiter }: Entry) => !waiter.fresh || (!flag && openedAt >= waiter.since)
            assert.strictEqual(waiters.firstFor(openedAt, flag), queue.find(takes)?.waiter)
          }
          assert.deepStrictEqual([...waiters], queue.map(({ waiter }) => waiter))
          assert.strictEqual(waiters.size, queue.length)
          assert.strictEqual(waiters.first, queue[0]?.waiter)
          assert.strictEqual(waiters.undialedSize, undialed().length)
          assert.strictEqual(waiters.firstUndialed, undialed()[0]?.waiter)
          for (const { dial, waiter } of queue) {
            assert.isTrue(waiter.queued)
            assert.strictEqual(waiter.dial, dial)
            if (dial !== undefined) assert.strictEqual(dial.owner, waiter)
          }
          for (const dial of orphans) assert.strictEqual(dial.owner, undefined)
        }
      }),
      { numRuns: 300 }
    )
  })

  test("P1: who has left is queued no more and holds no dial", () => {
    const waiters = new Waiters<Waiter>()
    const waiter = waiting(0, false)
    const dial = new Dial()
    waiters.join(waiter)
    waiters.own(waiter, dial)
    waiters.leave(waiter)
    assert.isFalse(waiter.queued)
    assert.strictEqual(waiter.dial, undefined)
    assert.strictEqual(dial.owner, undefined)
    assert.strictEqual(waiters.first, undefined)
  })

  test("I5: the heir of a dial is the first waiter without one, and keeps its place", () => {
    const waiters = new Waiters<Waiter>()
    const [a, b, c] = [waiting(0, false), waiting(1, false), waiting(2, false)]
    for (const waiter of [a, b, c]) waiters.join(waiter)
    const [first, third] = [new Dial(), new Dial()]
    waiters.own(a, first)
    waiters.own(c, third)
    waiters.leave(a)
    assert.strictEqual(b.dial, first)
    assert.deepStrictEqual([...waiters], [b, c])
    waiters.disown(first)
    waiters.leave(c)
    assert.strictEqual(b.dial, third)
  })
})
