/** What each command does: first in the books, in words, then in the state, as one step. The longer ones are in `events.ts`. */
import { Dial, type Failure } from "../../src/internal/state/dial.ts"
import type { Outcome } from "../../src/internal/state/lending.ts"
import * as Transitions from "../../src/internal/state/transitions.ts"
import type { Command, Kind } from "./arbitraries.ts"
import { type Book, expect, type Lease, type Socket, waiting } from "./books.ts"
import { answered, checked, failed, gone, opened, release, resolved, retire, shut, vanish } from "./events.ts"
import { overfull } from "./judge.ts"
import { tell } from "./signals.ts"
import type { World } from "./world.ts"

type Act = (world: World, book: Book, pick: number, how: number) => void

const choose = <A>(from: ReadonlyArray<A>, pick: number): A | undefined => from[pick % Math.max(1, from.length)]

/** A command about some connection in that place. */
const about =
  (which: (socket: Socket) => boolean, act: (world: World, socket: Socket, how: number) => void): Act =>
  (world, _, pick, how) => {
    const socket = choose(world.sockets.filter(which), pick)
    if (socket !== undefined) act(world, socket, how)
  }

/** A command about some lease, also one whose connection is closed already. */
const ofLease = (act: (world: World, lease: Lease, how: number) => void): Act => (world, _, pick, how) => {
  const lease = choose(world.leases, pick)
  if (lease !== undefined) act(world, lease, how)
}

const unlessShut = (act: Act): Act => (world, book, pick, how) => {
  if (!world.shut) act(world, book, pick, how)
}

const failure = (how: number): Failure => ({ error: new Error("planned"), fault: how % 4 === 0 ? "local" : "peer" })

const outcomes: ReadonlyArray<Outcome> = [
  { _tag: "Done" },
  { _tag: "Done" },
  { _tag: "Done" },
  { _tag: "Unknown" },
  { _tag: "Unused" },
  { _tag: "Close", reason: "interrupted" }
]

const acts: Record<Kind, Act> = {
  take: unlessShut((world, book) => {
    const nobody = book.queue.every(({ fresh }) => fresh)
    world.step(book, { kind: "take" }, Transitions.take, (member) => {
      expect(member === undefined || nobody, `I5: ${book.name}: a newcomer overtook the queue`)
      const there = book.sockets.some((socket) => socket.lendable(world.now))
      expect(member !== undefined || !there, `P1: ${book.name}: what is there is not lent`)
      if (member !== undefined) world.lend(book, member)
    })
  }),
  join: unlessShut((world, book, pick) => {
    const waiter = waiting(world.now, pick % 4 === 0)
    book.queue.push(waiter)
    world.step(book, { kind: "join", waiter }, (state, now, out) => Transitions.join(state, waiter, now, out))
    const bounded = !book.queue.includes(waiter) || waiter.dial !== undefined || !overfull(book)
    expect(bounded, `P1: ${book.name}: the queue is over its bound`)
  }),
  leave: (world, _, pick) => {
    const waiter = choose(world.books.flatMap(({ queue }) => queue), pick)
    const book = world.books.find(({ queue }) => queue.some((other) => other === waiter))
    if (waiter === undefined || book === undefined) return
    book.queue.splice(book.queue.indexOf(waiter), 1)
    world.step(book, { kind: "leave" }, (state, now, out) => Transitions.leave(state, waiter, now, out))
  },
  release: ofLease((world, lease, how) => release(world, lease, choose(outcomes, how) ?? { _tag: "Done" })),
  discard: ofLease((world, { socket }) =>
    world.step(
      socket.book,
      { kind: "discard", socket, reason: "discarded" },
      (state, now, out) => Transitions.discard(state, socket.member, "discarded", "broken", now, out)
    )
  ),
  retire: ofLease((world, { socket }) => retire(world, socket)),
  blame: ofLease((world, { socket }) => {
    socket.book.blame(socket, world.now, true)
    world.step(socket.book, { kind: "blame" }, (state, now, out) => Transitions.blame(state, socket.member, now, out))
  }),
  opened: about(({ where }) => where === "connecting", (world, socket, how) => {
    const capacities = [1, 2, 10, Infinity, undefined]
    const lives = [Infinity, Infinity, 50, 5_000]
    const capacity = socket.book.state.reach === 1 ? undefined : choose(capacities, how)
    opened(world, socket, capacity, world.now + (choose(lives, how) ?? Infinity))
  }),
  failed: about(
    ({ where }) => where === "connecting",
    (world, socket, how) => failed(world, socket, failure(how), false)
  ),
  late: about(
    ({ wanted, where }) => where === "connecting" && wanted,
    (world, socket) => failed(world, socket, { error: new Error("late"), fault: "peer" }, true)
  ),
  givenUp: about(({ cancelled, where }) => where === "connecting" && cancelled, (world, socket) => {
    vanish(socket)
    world.step(
      socket.book,
      { kind: "givenUp" },
      (state, now, out) => Transitions.givenUp(state, socket.member, now, out)
    )
  }),
  gone: about(({ where }) => where === "closing" || where === "abandoned", gone),
  abandon: about(({ where }) => where === "closing", (world, socket) => {
    socket.where = "abandoned"
    world.step(
      socket.book,
      { kind: "abandon" },
      (state, now, out) => Transitions.abandon(state, socket.member, now, out)
    )
  }),
  signal: about(() => true, tell),
  resolved: (world, _, pick, how) => {
    const book = choose(world.books.filter(({ resolving }) => resolving), pick)
    if (book !== undefined) resolved(world, book, ["a", "b", "c"].filter((__, bit) => ((how % 7 + 1) >> bit) & 1))
  },
  unresolved: (world, _, pick) => {
    const book = choose(world.books.filter(({ resolving }) => resolving), pick)
    if (book === undefined) return
    book.resolving = false
    const why = pick % 2 === 0 ? undefined : failure(pick)
    world.step(
      book,
      { kind: "unresolved", error: why?.error },
      (state, now, out) => Transitions.unresolved(state, why, now, out)
    )
    expect(book.known || book.queue.length === 0, `P5: ${book.name}: somebody waits for addresses that did not come`)
  },
  refresh: unlessShut((_, book) => {
    book.resolving = book.state.resolving = true
  }),
  evict: (world, book) => {
    const next = world.step(book, { kind: "evict" }, Transitions.evict)
    for (const socket of book.sockets) {
      if (!socket.idle) continue
      const due = socket.overdue(world.now) || socket.pastItsTime(world.now)
      expect(socket.reserved || !due, `P4: ${book.name}: evicted too little`)
      // whoever has a check is looked at after it
      expect(next > world.now && (socket.reserved || next <= socket.expiresAt), `P4: ${book.name}: no next time`)
    }
  },
  suspect: (world, book) => {
    for (const socket of book.sockets) if (socket.idle) socket.suspect = true
    world.step(book, { kind: "suspect" }, Transitions.suspect)
  },
  reserve: unlessShut(about(({ idle, reserved }) => idle && !reserved, (world, socket) => {
    if (!world.slots.free) return
    world.step(
      socket.book,
      { kind: "reserve" },
      (state) => Transitions.reserve(state, socket.member),
      () => world.check(socket, false)
    )
  })),
  checked: (world, _, pick, how) => {
    const check = choose(world.checks, pick)
    if (check !== undefined) checked(world, check, how % 3 !== 0)
  },
  checkLate: (world, _, pick) => {
    const check = choose(world.checks.filter(({ over }) => !over), pick)
    if (check === undefined) return
    check.over = true
    answered(world, check.socket, false)
  },
  ask: unlessShut((world, book) => {
    for (const socket of book.sockets) {
      if (socket.idle && !socket.reserved) socket.asked = socket.member.asked ??= world.now
    }
  }),
  unproven: (world, book, pick) => {
    const times = book.sockets.flatMap(({ asked }) => asked ?? [])
    const askedBy = choose(times, pick) ?? world.now
    world.step(book, { kind: "unproven", askedBy }, (state, now, out) => Transitions.unproven(state, askedBy, now, out))
    const trusted = book.sockets.some(({ asked, idle }) => idle && asked !== undefined && asked <= askedBy)
    expect(!trusted, `P3: ${book.name}: a connection that could not be proven stays`)
  },
  warm: unlessShut((world, book) => {
    const told: Book["warmed"][number] = { told: 0, failure: undefined }
    const before = book.liveDials.size
    const ended = (why: Failure | undefined): void => {
      told.told++
      told.failure = why
    }
    world.step(book, { kind: "warm" }, (state, now, out) => Transitions.warm(state, ended, now, out), (obstacle) => {
      if (obstacle === undefined) book.warmed.push(told)
      expect(book.liveDials.size === before + (obstacle === undefined ? 1 : 0), `P8: ${book.name}: warmed in vain`)
    })
  }),
  race: (world, _, pick) => {
    const race = choose(world.races, pick)
    const dial = race?.dial ?? new Dial()
    const book = race?.book ?? world.books[0]
    if (book === undefined) return
    world.step(book, { kind: "race" }, (state, now, out) => {
      Transitions.race(state, dial, now, out)
      expect(out.length === 0 || book.liveDials.has(dial), `P5: ${book.name}: a dial that is over is raced`)
    })
  },
  retireAll: (world, book) => {
    for (const socket of book.sockets) socket.reasons.add("retired")
    world.step(book, { kind: "retireAll" }, Transitions.retireAll)
  },
  settings: (world, book, pick, how) => {
    const limits = [1, 2, 3, 4, Infinity]
    const limit = (n: number) => choose(limits, n) ?? 1
    world.total.limit = limit(pick + how)
    world.total.idleLimit = limit(pick * 3 + how)
    for (const each of world.books) {
      const { state } = each
      if (each === book) {
        const settings = { ...state.settings, maxConnectionsPerHost: limit(pick), maxIdlePerHost: limit(pick >> 2) }
        state.settings = { ...settings, maxConnectingPerHost: limit(how), maxWaitersPerHost: limit(how >> 2) }
      }
      world.step(each, { kind: "settings" }, Transitions.turn)
    }
  },
  advance: (world, _, pick, how) => {
    world.now += choose([1, 10, 100, 1_000, 30_000, 60_000], how) ?? pick
  },
  shut,
  cut: (world, book) => {
    if (!world.shut) return
    const active = book.count("active")
    const cut = world.step(book, { kind: "cut" }, (state, _, out) => Transitions.cut(state, out))
    expect(cut === active && book.count("active") === 0, `P9: ${book.name}: cut ${cut} of ${active}`)
  }
}

export const execute = (world: World, [kind, host, pick, how]: Command): void => {
  const book = choose(world.books, host)
  if (book !== undefined) acts[kind](world, book, pick, how)
}
