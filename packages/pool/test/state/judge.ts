/** Whether a decision is justified by what has happened, in the words of the design. */
import type { Refusal } from "../../src/internal/state/decision.ts"
import type { Waiter } from "../../src/internal/state/waiters.ts"
import { type Book, expect, type Place, type Socket } from "./books.ts"
import type { World } from "./world.ts"

/** A connection is closed: for a reason that is true, and under its leases only when nothing else will do. */
export const allowsClose = (world: World, socket: Socket): void => {
  const { book, member } = socket
  const { occasion, total } = world
  const reason = member.closeReason
  const because = `${book.name}: connection ${member.id} was closed (${reason})`
  expect(socket.where === "open", `I3: ${because} while ${socket.where}`)
  const own = occasion.socket === socket && occasion.reason === reason
  // told to, by its lease, its peer, its check, or the end of the grace
  if (own || (reason === "shutdown" && occasion.kind === "cut")) return
  expect(socket.leases === 0, `P5: ${because} under its leases`)
  if (reason !== undefined && socket.reasons.has(reason)) return
  switch (reason) {
    case "aged":
      // or it was over once, and its peer has changed its mind since
      return expect(world.now >= socket.expiresAt || socket.usedUp, `P4: ${because} too early`)
    case "used":
      return expect(socket.usedUp, `P4: ${because} too early`)
    case "idle": {
      expect(!socket.reserved, `P4: ${because}, but a check had it`)
      return expect(socket.overdue(world.now), `P4: ${because}, but was not overdue`)
    }
    case "unproven": {
      const hopeless = socket.suspect && book.queue.length > 0 && world.checks.length >= world.slots.limit
      const asked = socket.asked !== undefined && socket.asked <= (occasion.askedBy ?? -1)
      return expect(asked || hopeless, `P3: ${because}, but was proven`)
    }
    case "reclaimed": {
      expect(!socket.reserved, `P8: ${because}, but a check had it`)
      const missed = book.queue.length > 0 && book.used >= book.state.settings.maxConnectionsPerHost
      return expect(missed || occasion.reason === "reclaimed", `P8: ${because}, but nobody needed its permit`)
    }
    case "surplus": {
      const { maxConnectionsPerHost, maxIdlePerHost } = book.state.settings
      const sum = (count: (each: Book) => number) => world.books.reduce((all, each) => all + count(each), 0)
      const staying = (each: Book) => each.used - each.count("closing")
      return expect(
        staying(book) > maxConnectionsPerHost || book.count("idle") > maxIdlePerHost ||
          sum(staying) > total.limit || sum((each) => each.count("idle")) > total.idleLimit,
        `D6: ${because}, but no limit was exceeded`
      )
    }
    default:
      return expect(false, `I6: ${because} for no reason`)
  }
}

/** A connection is lent: it is open, sound, and has room. */
export const allowsLoan = (world: World, socket: Socket): void => {
  const { book, member } = socket
  const because = `${book.name}: connection ${member.id} was lent`
  expect(!book.closed, `I8: ${because} after the end`)
  expect(socket.where === "open", `I6: ${because} while ${socket.where}`)
  expect(!socket.reserved, `I3: ${because} while a check had it`)
  expect(!socket.suspect || socket.leases > 0, `I6: ${because} while suspect`)
  expect(socket.reasons.size === 0, `I6: ${because}, but is retiring: ${[...socket.reasons].join()}`)
  expect(!socket.pastItsTime(world.now), `I6: ${because} past its time`)
  expect(!socket.overdue(world.now), `P4: ${because}, idle for too long`)
  expect(socket.leases < socket.capacity, `I2: ${because} beyond its capacity`)
  expect(!socket.probe || socket.leases === 0, `D6: ${because} again before the verdict on its address`)
}

/** An attempt starts: there is a permit of both kinds for it, and its address may be tried. */
export const allowsAttempt = (world: World, book: Book, place: Place, further: boolean): void => {
  const because = `${book.name}: an attempt at ${place.address} was started`
  expect(!book.closed, `I8: ${because} after the end`)
  expect(place.current, `P5: ${because}, which is departed`)
  expect(place.breaker.admits(world.now), `D6: ${because}, but its breaker does not let it through`)
  expect(book.used < book.state.settings.maxConnectionsPerHost, `P1: ${because} at the limit`)
  const atOnce = further ? book.state.settings.maxConnectingPerHost : book.dialsAtOnce
  expect(book.count("connecting") < atOnce, `P8: ${because} beside enough others`)
  expect(world.used() < world.total.limit, `P1: ${because} at the limit of all hosts`)
}

/** A waiter leaves with nothing: only when that is true. */
export const allowsRefusal = (world: World, book: Book, waiter: Waiter, refusal: Refusal): void => {
  const { now, occasion } = world
  const because = `${book.name}: a waiter was refused (${refusal._tag})`
  const admitting = book.admitting(now)
  switch (refusal._tag) {
    case "Closed":
      return expect(book.closed, `P9: ${because} by an open pool`)
    case "QueueFull": {
      expect(occasion.waiter === waiter, `P1: ${because}, who had been waiting`)
      return expect(full(book), `P1: ${because}, but there was room`)
    }
    case "Failed": {
      expect(refusal.failure.error === occasion.error, `P1: ${because} with somebody else's failure`)
      if (occasion.socket === undefined) return expect(!book.known, `P5: ${because} though addresses are known`)
      const dial = occasion.socket.dial
      expect(occasion.waiter === waiter, `P1: ${because} though it was not its dial`)
      expect(dial === undefined || !book.liveDials.has(dial), `P1: ${because} while its dial goes on`)
      const tried = dial === undefined ? undefined : book.tried.get(dial)
      return expect(
        admitting.every((place) => tried?.has(place) === true),
        `P1: ${because} with an address left to try`
      )
    }
    case "Unavailable": {
      if (refusal.reason === "noAddress") return expect(!book.known, `P5: ${because} though addresses are known`)
      return expect(book.known && admitting.length === 0, `D6: ${because} though an address may be dialed`)
    }
  }
}

/** More wait than may, not counting those for whom a dial is under way. */
const full = (book: Book): boolean => book.queue.length - book.liveDials.size > book.state.settings.maxWaitersPerHost

/** More wait than may, even if all that is free, or about to be, came to them at once. */
export const overfull = ({ liveDials, queue, reach, sockets, state }: Book): boolean => {
  const { maxConnectionsPerHost, maxWaitersPerHost } = state.settings
  const living = sockets.filter(({ where }) => where === "connecting" || where === "open").length
  const proving = sockets.filter(({ reserved }) => reserved).length
  const permits = Math.max(0, maxConnectionsPerHost - living) + proving
  return queue.length - liveDials.size - permits * (reach ?? 1) > maxWaitersPerHost
}
