/**
 * The shell around the states of several hosts, played by the test: it carries out what they decide, one step at a time, and
 * checks each decision against the books.
 */
import type { Decision } from "../../src/internal/state/decision.ts"
import type { Dial } from "../../src/internal/state/dial.ts"
import { HostState } from "../../src/internal/state/hostState.ts"
import { Member } from "../../src/internal/state/member.ts"
import { Slots } from "../../src/internal/state/slots.ts"
import { Total } from "../../src/internal/state/total.ts"
import * as Transitions from "../../src/internal/state/transitions.ts"
import type { Waiter } from "../../src/internal/state/waiters.ts"
import type { CloseReason } from "../../src/PoolStats.ts"
import type { Command } from "./arbitraries.ts"
import { Book, expect, fault, type Lease, type Place, Socket, type State } from "./books.ts"
import { allowsAttempt, allowsClose, allowsLoan, allowsRefusal } from "./judge.ts"
import { atRest, starving } from "./rest.ts"
import { settingsOf, type Setup } from "./setup.ts"

/** What the command at work is about, which may justify a decision. */
export interface Occasion {
  readonly kind: Command[0] | "end"
  readonly socket?: Socket | undefined
  readonly reason?: CloseReason | undefined
  readonly waiter?: Waiter | undefined
  readonly askedBy?: number | undefined
  readonly error?: unknown
}

/** A health check in flight. Its slot is taken until it has really ended, also when nobody waits for its answer. */
interface Check {
  readonly socket: Socket
  readonly awaited: boolean
  over: boolean
}

type Step<A> = (state: State, now: number, out: Array<Decision<Member, Waiter>>) => A

export class World {
  now = 1_000
  shut = false
  readonly total: Total<State>
  readonly slots: Slots
  readonly books: ReadonlyArray<Book>
  readonly leases: Array<Lease> = []
  readonly races: Array<{ readonly book: Book; readonly dial: Dial }> = []
  checks: Array<Check> = []
  occasion: Occasion = { kind: "end" }
  private turning = false
  private members = 0
  /** hosts that starved for the total limit, and hosts in line, when the world was last at rest */
  private starved: ReadonlyArray<Book> = []
  private inLine: ReadonlySet<State> = new Set()

  constructor(setup: Setup) {
    this.total = new Total(setup.total, setup.idleTotal)
    this.slots = new Slots(setup.slots)
    this.books = setup.hosts.map(({ multiplexes, settings }, index) => {
      const state: State = new HostState<Member, Waiter>({
        settings: settingsOf(settings),
        multiplexes,
        total: this.total,
        checks: this.slots,
        now: this.now,
        create: (endpoint, dial, now) => new Member(this.members++, endpoint, dial, now)
      })
      return new Book(`host ${index}`, state, multiplexes)
    })
    setup.hosts.forEach(({ known }, index) => {
      const book = this.books[index]
      if (!known || book === undefined) return
      book.known = true
      this.step(book, { kind: "resolved" }, (state, now, out) => Transitions.resolved(state, ["a", "b"], now, out))
    })
  }

  get sockets(): Array<Socket> {
    return this.books.flatMap(({ sockets }) => sockets)
  }

  used(): number {
    return this.books.reduce((sum, book) => sum + book.used, 0)
  }

  proving(book: Book): number {
    return this.checks.filter(({ awaited, over, socket }) => awaited && !over && socket.book === book).length
  }

  /** One transition, what it decided carried out, and the turns of the hosts in line. */
  step<A>(book: Book, occasion: Occasion, transition: Step<A>, result?: (value: A) => void): A {
    const outer = this.occasion
    this.occasion = occasion
    const out: Array<Decision<Member, Waiter>> = []
    const value = transition(book.state, this.now, out)
    book.settlePlaces()
    for (const decision of out) this.carryOut(book, decision)
    result?.(value)
    if (!this.turning) {
      this.takeTurns()
      for (const each of this.books) each.settlePlaces()
      atRest(this)
      this.starved = this.books.filter((each) => starving(this, each))
      this.inLine = new Set(this.total.line)
    }
    this.occasion = outer
    return value
  }

  find(book: Book, member: Member): Socket {
    return book.sockets.find((socket) => socket.member === member) ??
      fault(`I3: ${book.name}: connection ${member.id} is not there`)
  }

  /** The connection is lent: to the caller at the door, or to a waiter. */
  lend(book: Book, member: Member): void {
    const socket = this.find(book, member)
    allowsLoan(this, socket)
    socket.uses++
    socket.leases++
    if (socket.pastItsTime(this.now)) socket.usedUp = true
    this.leases.push({ socket })
  }

  private carryOut(book: Book, decision: Decision<Member, Waiter>): void {
    switch (decision._tag) {
      case "Serve":
        return this.serve(book, decision.waiter, decision.member)
      case "Refuse": {
        allowsRefusal(this, book, decision.waiter, decision.refusal)
        return this.answer(book, decision.waiter)
      }
      case "Open":
        return this.open(book, decision.member)
      case "Cancel": {
        const socket = this.find(book, decision.member)
        expect(socket.where === "connecting" && !socket.cancelled, `I3: ${book.name}: cancelled in vain`)
        socket.cancelled = true
        socket.wanted = false
        return socket.place.breaker.forgo(socket)
      }
      case "Race":
        return void this.races.push({ book, dial: decision.dial })
      case "Close":
        return this.close(this.find(book, decision.member))
      case "Check": {
        const socket = this.find(book, decision.member)
        expect(socket.suspect, `P3: ${book.name}: a connection above suspicion is checked before it is lent`)
        return this.check(socket, true)
      }
      case "Resolve": {
        expect(!book.known && !book.resolving, `P5: ${book.name}: asks for addresses that are known or on their way`)
        book.resolving = true
        return
      }
      case "BreakerChanged": {
        const place = this.places(book).find(({ endpoint }) => endpoint === decision.endpoint)
        if (place === undefined) return
        expect(place.announced === decision.from && decision.from !== decision.to, `D6: ${book.name}: a lost change`)
        place.announced = decision.to
        const { socket } = this.occasion
        // a probe that nobody waited for has given its verdict by opening
        if (this.occasion.kind === "opened" && decision.to === "closed" && socket?.idle) place.breaker.succeed(socket)
        return
      }
    }
  }

  /** Also the departed ones that a connection still remembers. */
  private places(book: Book): ReadonlyArray<Place> {
    return [...book.places, ...book.sockets.map(({ place }) => place)]
  }

  private serve(book: Book, waiter: Waiter, member: Member): void {
    const socket = this.find(book, member)
    const ahead = book.queue.slice(0, Math.max(0, book.queue.indexOf(waiter)))
    const takes = ({ fresh, since }: Waiter) => !fresh || (socket.uses === 0 && socket.openedAt >= since)
    expect(takes(waiter), `P1: ${book.name}: who wants a fresh connection got a used one`)
    expect(!ahead.some(takes), `I5: ${book.name}: a waiter was overtaken`)
    this.answer(book, waiter)
    this.lend(book, member)
  }

  private answer(book: Book, waiter: Waiter): void {
    const place = book.queue.indexOf(waiter)
    expect(place >= 0, `I4: ${book.name}: somebody who does not wait (any more) is answered`)
    book.queue.splice(place, 1)
  }

  private open(book: Book, member: Member): void {
    const { endpoint } = member
    const place = book.places.find((each) => each.endpoint === endpoint) ?? fault(`P5: ${book.name}: no such address`)
    const socket = new Socket(member, book, place)
    const dial = socket.dial ?? fault(`I3: ${book.name}: an attempt of no dial`)
    allowsAttempt(this, book, place, book.tried.has(dial))
    const first = this.starved.find((each) => starving(this, each))
    // the next address of a dial that failed has the permit of the one before
    const kept = this.occasion.kind === "failed" && this.occasion.socket?.dial === dial
    const newcomer = !kept && !this.turning && !this.inLine.has(book.state) && !this.starved.includes(book)
    expect(!newcomer || first === undefined, `P8: ${book.name} took a permit that ${first?.name} is in line for`)
    const needed = book.tried.has(dial) || this.occasion.kind === "warm" || book.unmet(this.proving(book)) > 0
    expect(needed, `P1: ${book.name} dials for nobody`)
    const tried = book.tried.get(dial) ?? new Set()
    expect(!tried.has(place), `P5: ${book.name}: a dial tries ${place.address} a second time`)
    book.tried.set(dial, tried.add(place))
    place.breaker.begin(socket)
    book.sockets.push(socket)
  }

  private close(socket: Socket): void {
    allowsClose(this, socket)
    const { book, member } = socket
    const reason = member.closeReason ?? fault(`I9: ${book.name}: closed without a reason`)
    book.closedBy[reason] = (book.closedBy[reason] ?? 0) + 1
    socket.where = "closing"
    socket.reserved = false
    socket.place.breaker.forgo(socket)
    // the shell interrupts the check; its slot is free when it has ended
    for (const check of this.checks) if (check.socket === socket) check.over = true
  }

  check(socket: Socket, awaited: boolean): void {
    expect(socket.idle && !socket.reserved, `P3: ${socket.book.name}: a check of what is not idle, or has one`)
    expect(this.checks.length < this.slots.limit, `P10: ${socket.book.name}: one check too many`)
    socket.reserved = true
    this.checks.push({ socket, awaited, over: false })
  }

  /** Hosts in line for the total limit are served in turn, and idle connections make room for those who are left. */
  private takeTurns(): void {
    this.turning = true
    for (const state of this.total.line) {
      const book = this.books.find((each) => each.state === state) ?? fault("P8: a host in line that is none")
      if (state.waiters.firstUndialed === undefined) {
        this.total.line.delete(state)
        continue
      }
      if (this.total.used >= this.total.limit) break
      const { used } = this.total
      this.step(book, { kind: "settings" }, Transitions.turn)
      if (this.total.used === used && this.total.first === state) this.total.line.delete(state)
    }
    while (this.total.wanted > 0) {
      const idle = this.sockets.filter((socket) => socket.idle && !socket.reserved)
      const oldest = idle.toSorted((a, b) => a.idleSince - b.idleSince)[0]
      if (oldest === undefined) break
      const reclaimed = this.step(oldest.book, { kind: "settings", reason: "reclaimed" }, Transitions.reclaimed)
      expect(reclaimed, `P8: ${oldest.book.name} would not make room`)
    }
    this.turning = false
  }
}
