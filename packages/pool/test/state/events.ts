/** What happens to a connection, an attempt, a check or a host: first in the books, in words, then in the state, as one step. */
import type { Failure } from "../../src/internal/state/dial.ts"
import type { Outcome } from "../../src/internal/state/lending.ts"
import * as Transitions from "../../src/internal/state/transitions.ts"
import type { CloseReason } from "../../src/PoolStats.ts"
import { type Book, expect, type Lease, type Socket } from "./books.ts"
import { reachOf } from "./signals.ts"
import type { World } from "./world.ts"

export const release = (world: World, lease: Lease, outcome: Outcome): void => {
  const { socket } = lease
  const { book } = socket
  world.leases.splice(world.leases.indexOf(lease), 1)
  socket.leases--
  let reason: CloseReason | undefined
  if (socket.where === "open") {
    if (outcome._tag === "Unused") socket.uses--
    if (outcome._tag === "Done") socket.place.breaker.succeed(socket)
    if (outcome._tag === "Close") reason = outcome.reason
    else if (socket.leases === 0) {
      socket.idleSince = world.now
      socket.asked = undefined
    }
  }
  const { member } = socket
  world.step(
    book,
    { kind: "release", socket, reason },
    (state, now, out) => Transitions.release(state, member, outcome, now, out)
  )
}

export const opened = (world: World, socket: Socket, capacity: number | undefined, expiresAt: number): void => {
  const { book, member } = socket
  if (capacity !== undefined) member.capacity = socket.capacity = capacity
  socket.where = "open"
  socket.openedAt = socket.idleSince = world.now
  socket.lifetimeEndsAt = expiresAt
  book.reach = reachOf(socket.capacity)
  // ended in its handshake, or good for nothing: its peer has failed
  const useless = socket.capacity === 0 || socket.reasons.has("peer") || world.now >= socket.expiresAt
  if (socket.wanted && useless) book.blame(socket, world.now, false)
  if (socket.capacity === 0) socket.reasons.add("retired")
  if (!socket.wanted) socket.reasons.add("lost")
  socket.wanted = false
  world.step(
    book,
    { kind: "opened", socket },
    (state, now, out) => Transitions.opened(state, member, expiresAt, now, out),
    () => expect(!socket.probe || !socket.idle, `D6: ${book.name}: nobody will tell how a probe went`)
  )
}

/** The attempt, or a connection's socket, has ended. */
export const vanish = (socket: Socket): void => {
  const { book, uses } = socket
  if (socket.where !== "connecting") book.past.opened++
  book.past.acquired += uses
  book.past.reused += Math.max(0, uses - 1)
  book.sockets = book.sockets.filter((other) => other !== socket)
  socket.where = "gone"
}

export const failed = (world: World, socket: Socket, why: Failure, late: boolean): void => {
  const { book, dial, member, place } = socket
  // whose dial it is, so whose failure
  const waiter = socket.wanted ? dial?.owner : undefined
  if (!late) vanish(socket)
  if (socket.wanted) {
    book.failed++
    if (why.fault === "peer") book.blame(socket, world.now, false)
  }
  socket.wanted = false
  place.breaker.forgo(socket)
  const transition = late ? Transitions.late : Transitions.failed
  world.step(
    book,
    { kind: late ? "late" : "failed", socket, waiter, error: why.error },
    (state, now, out) => transition(state, member, why, now, out)
  )
}

export const gone = (world: World, socket: Socket): void => {
  vanish(socket)
  world.step(socket.book, { kind: "gone" }, (state, now, out) => Transitions.gone(state, socket.member, now, out))
}

export const resolved = (world: World, book: Book, addresses: ReadonlyArray<string>): void => {
  if (!book.resolving) return
  book.resolving = false
  book.learn(addresses)
  world.step(book, { kind: "resolved" }, (state, now, out) => Transitions.resolved(state, addresses, now, out))
}

/** A check has ended: its slot is free, and whoever still waits for its answer gets it. */
export const checked = (world: World, check: World["checks"][number], alive: boolean): void => {
  world.checks = world.checks.filter((other) => other !== check)
  world.slots.used--
  if (!check.over) answered(world, check.socket, alive)
}

export const answered = (world: World, socket: Socket, alive: boolean): void => {
  const { book, member } = socket
  socket.reserved = false
  if (alive) {
    socket.asked = undefined
    socket.suspect = false
  }
  world.step(
    book,
    { kind: "checked", socket, reason: alive ? undefined : "unhealthy" },
    (state, now, out) => Transitions.checked(state, member, alive, undefined, now, out)
  )
  expect(alive || socket.where !== "open", `P3: ${book.name}: a connection that failed its check stays`)
}

export const shut = (world: World): void => {
  if (world.shut) return
  world.shut = true
  for (const book of world.books) {
    book.closed = true
    for (const socket of book.sockets) socket.reasons.add("shutdown")
    world.step(book, { kind: "shut" }, (state, _, out) => Transitions.shut(state, out))
  }
}

export const retire = (world: World, socket: Socket): void => {
  socket.reasons.add("retired")
  const { book, member } = socket
  world.step(book, { kind: "retire" }, (state, now, out) => Transitions.retire(state, member, "asked to", now, out))
}
