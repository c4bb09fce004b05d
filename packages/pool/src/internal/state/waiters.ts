/**
 * The queue of one host: first in, first out, bounded by its owner. Joining, leaving from anywhere and being served cost the
 * same whatever the length. PURE; mutable inside.
 *
 * It is kept as two lists, each in order of arrival: those for whom a dial is under way (its failure is theirs), and those
 * without. So the next one to dial for is found at once, and so is the head of the whole queue.
 */
import type { Dial } from "./dial.ts"
import { type Linked, List } from "./list.ts"

export class Waiter implements Linked<Waiter> {
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  list: unknown = undefined
  /** the place in the order of arrival */
  order = 0
  /** the dial that was started for this caller */
  dial: Dial | undefined = undefined
  readonly since: number
  /** when it gives up */
  readonly deadline: number
  /** takes only a connection that was opened after it asked */
  readonly fresh: boolean

  constructor(since: number, fresh: boolean, deadline = Infinity) {
    this.since = since
    this.fresh = fresh
    this.deadline = deadline
  }

  get queued(): boolean {
    return this.list !== undefined
  }
}

export class Waiters<W extends Waiter> implements Iterable<W> {
  size = 0
  private arrivals = 0
  /** while each waiter gives up no earlier than the one before it, as when all have the same patience, the first due are the first */
  private inOrder = true
  private lastDeadline = -Infinity
  // the links of a Waiter are typed by the base class; only W enters through `join`, so only W comes out
  private readonly dialed = new List<Waiter>()
  private readonly undialed = new List<Waiter>()

  /** How many have no dial under way. */
  get undialedSize(): number {
    return this.undialed.size
  }

  get first(): W | undefined {
    const a = this.dialed.first
    const b = this.undialed.first
    return (b === undefined || (a !== undefined && a.order < b.order) ? a : b) as W | undefined
  }

  /** The first waiter for whom no dial is under way. */
  get firstUndialed(): W | undefined {
    return this.undialed.first as W | undefined
  }

  /** In order of arrival. Nobody may join, leave or get a dial while iterating. */
  *[Symbol.iterator](): Iterator<W> {
    let a = this.dialed.first
    let b = this.undialed.first
    while (true) {
      const first: Waiter | undefined = b === undefined || (a !== undefined && a.order < b.order) ? a : b
      if (first === undefined) return
      if (first === a) a = a.next
      else b = first.next
      yield first as W
    }
  }

  join(waiter: W): void {
    waiter.order = this.arrivals++
    this.inOrder = this.size === 0 || (this.inOrder && waiter.deadline >= this.lastDeadline)
    this.lastDeadline = waiter.deadline
    this.undialed.add(waiter)
    this.size++
  }

  /** The first waiter that takes a connection: a fresh one takes only what was opened, and never lent, since it asked. */
  firstFor(openedAt: number, lent: boolean): W | undefined {
    const first = this.first
    if (first === undefined || !first.fresh) return first
    for (const waiter of this) if (!waiter.fresh || (!lent && openedAt >= waiter.since)) return waiter
    return undefined
  }

  /** Those whose time is over, and when that of the next one is. */
  due(now: number): { readonly due: ReadonlyArray<W>; readonly next: number } {
    const due: Array<W> = []
    let next = Infinity
    for (const waiter of this) {
      if (waiter.deadline <= now) due.push(waiter)
      else {
        next = Math.min(next, waiter.deadline)
        if (this.inOrder) break
      }
    }
    return { due, next }
  }

  /** That dial is under way for that waiter from now on. */
  own(waiter: W, dial: Dial): void {
    this.undialed.remove(waiter)
    waiter.dial = dial
    dial.owner = waiter
    let after = this.dialed.last
    while (after !== undefined && after.order > waiter.order) after = after.previous
    this.dialed.insert(waiter, after)
  }

  /** The dial has ended or goes on without its owner; the owner, if still there, has none then. */
  disown(dial: Dial): W | undefined {
    const owner = dial.owner
    if (owner === undefined) return undefined
    dial.owner = undefined
    owner.dial = undefined
    this.dialed.remove(owner)
    let before = this.undialed.first
    while (before !== undefined && before.order < owner.order) before = before.next
    this.undialed.insert(owner, before === undefined ? this.undialed.last : before.previous)
    return owner as W
  }

  /** The waiter is served, failed or gone. Its dial goes on, for the first waiter without one if there is one. */
  leave(waiter: W): void {
    this.size--
    const dial = waiter.dial
    if (dial === undefined) {
      this.undialed.remove(waiter)
      return
    }
    this.dialed.remove(waiter)
    waiter.dial = undefined
    dial.owner = undefined
    const heir = this.firstUndialed
    if (heir !== undefined) this.own(heir, dial)
  }
}
