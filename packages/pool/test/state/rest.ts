/** What holds whenever nothing is going on: the lists of the state against the books, and the invariants of the design. */
import type { List } from "../../src/internal/state/list.ts"
import type { Member } from "../../src/internal/state/member.ts"
import { type Book, expect, type Socket } from "./books.ts"
import type { World } from "./world.ts"

export const atRest = (world: World): void => {
  for (const book of world.books) {
    everythingInItsPlace(book)
    counted(book)
    addressed(book)
    queued(world, book)
    nobodyForgotten(world, book)
  }
  const sum = (count: (book: Book) => number) => world.books.reduce((total, book) => total + count(book), 0)
  const { slots, total } = world
  expect(total.used === sum((book) => book.used), `I1: ${total.used} permits for ${sum((book) => book.used)} sockets`)
  expect(total.idle === sum((book) => book.count("idle")), `I3: ${total.idle} counted as idle`)
  expect(total.closing === sum((book) => book.count("closing")), `I3: ${total.closing} counted as closing`)
  expect(slots.used === world.checks.length, `P10: ${slots.used} slots for ${world.checks.length} checks`)
  roomIsMade(world)
}

const everythingInItsPlace = ({ name, sockets, state }: Book): void => {
  const lists = new Map<List<Member>, (socket: Socket) => boolean>([
    [state.connecting, ({ where }) => where === "connecting"],
    [state.idle, ({ idle }) => idle],
    [state.busy, ({ active, member }) => active && member.list !== state.spare],
    [state.spare, ({ hasRoom, member }) => hasRoom && member.list === state.spare],
    [state.closing, ({ where }) => where === "closing"],
    [state.abandoned, ({ where }) => where === "abandoned"]
  ])
  let places = 0
  for (const [list, belongs] of lists) {
    const members = [...list]
    places += members.length
    expect(members.length === list.size, `I3: ${name}: ${list.size} counted in a list of ${members.length}`)
    for (const member of members) {
      expect(member.list === list, `I3: ${name}: connection ${member.id} does not know where it is`)
      const socket = sockets.find((each) => each.member === member)
      expect(socket !== undefined && belongs(socket), `I3: ${name}: connection ${member.id} is in the wrong place`)
    }
  }
  expect(places === sockets.length, `I3: ${name}: ${places} places for ${sockets.length} connections`)
  for (const { leases, member, reserved, suspect, where } of sockets) {
    if (where !== "open") continue
    expect(member.leases === leases, `I7: ${name}: ${member.leases} leases counted, ${leases} held`)
    expect(member.reserved === reserved, `I3: ${name}: connection ${member.id} is reserved: ${member.reserved}`)
    expect(
      leases > 0 || member.suspect === suspect,
      `P3: ${name}: connection ${member.id} is suspect: ${member.suspect}`
    )
  }
  for (const { cancelled, idle, member, reasons, wanted, where } of sockets) {
    expect(where !== "connecting" || wanted || cancelled, `I8: ${name}: attempt ${member.id} goes on for nobody`)
    expect(!idle || reasons.size === 0, `I6: ${name}: connection ${member.id} is idle, but ${[...reasons].join()}`)
  }
}

const counted = (book: Book): void => {
  const { closedBy, failed, name, past, sockets, state } = book
  const { counters } = state
  const opened = sockets.filter(({ where }) => where !== "connecting")
  const uses = (of: (uses: number) => number) => sockets.reduce((sum, socket) => sum + of(socket.uses), 0)
  const same = (what: string, counter: number, expected: number) =>
    expect(counter === expected, `I10: ${name}: ${counter} counted as ${what}, ${expected} were`)
  same("opened", counters.opened, opened.length + past.opened)
  same("closed", counters.closed, past.opened)
  same("failed", counters.failed, failed)
  same("acquired", counters.acquired, past.acquired + uses((n) => n))
  same("reused", counters.reused, past.reused + uses((n) => Math.max(0, n - 1)))
  for (const [reason, count] of Object.entries({ ...closedBy, ...counters.closedBy })) {
    same(reason, count, Object.entries(closedBy).find(([each]) => each === reason)?.[1] ?? 0)
  }
  const accounted = state.active + state.idle.size + state.closing.size + counters.closed + state.abandoned.size
  expect(counters.opened === accounted, `I9: ${name}: ${counters.opened} opened, ${accounted} accounted for`)
  expect(state.active === book.count("active"), `P7, I2: ${name}: ${state.active} active`)
  expect(state.used === book.used, `I1: ${name}: ${state.used} used`)
}

const addressed = ({ name, places, sockets, state }: Book): void => {
  expect(state.addresses.endpoints.size === places.length, `P5: ${name}: another number of addresses`)
  for (const place of places) {
    const { address, breaker, current, endpoint } = place
    expect(state.addresses.endpoints.get(address) === endpoint, `P5: ${name}: ${address} was forgotten`)
    expect(endpoint.current === current, `P5: ${name}: ${address} is current: ${endpoint.current}`)
    const there = sockets.filter((socket) => socket.place === place)
    const living = there.filter(({ where }) => where === "connecting" || where === "open")
    const leases = there.reduce((sum, socket) => sum + (socket.active ? socket.leases : 0), 0)
    expect(endpoint.connections === living.length, `I2: ${name}: ${address} counts ${endpoint.connections} connections`)
    expect(endpoint.leases === leases, `I2: ${name}: ${address} counts ${endpoint.leases} leases`)
    const { state: is } = endpoint.breaker
    expect(is === breaker.state, `D6: ${name}: the breaker of ${address} is ${is}, not ${breaker.state}`)
    expect(is === place.announced, `D6: ${name}: the breaker of ${address} changed in silence`)
    if (endpoint.breaker.state !== "halfOpen") continue
    const { probing } = endpoint.breaker
    expect(probing === breaker.probes.size, `D6: ${name}: ${probing} probes counted, ${breaker.probes.size} under way`)
    expect(probing <= state.settings.breaker.probes, `D6: ${name}: ${probing} probes at once`)
  }
}

const queued = (world: World, book: Book): void => {
  const { liveDials, name, queue, state } = book
  const real = [...state.waiters]
  expect(
    real.length === queue.length && real.every((waiter, index) => waiter === queue[index]),
    `I5: ${name}: the queue is not in order of arrival`
  )
  expect(state.waiters.size === queue.length, `I2: ${name}: ${state.waiters.size} waiters counted`)
  expect(state.resolving === book.resolving, `P5: ${name}: is being resolved: ${state.resolving}`)
  expect(state.proving === world.proving(book), `I2: ${name}: ${state.proving} checks counted on behalf of waiters`)
  expect(
    state.dials.size === liveDials.size && [...liveDials].every((dial) => state.dials.has(dial)),
    `I4: ${name}: ${state.dials.size} dials for ${liveDials.size} under way`
  )
  for (const { dial } of queue) {
    if (dial !== undefined) expect(liveDials.has(dial), `I4: ${name}: a waiter's dial is over`)
  }
  for (const dial of liveDials) {
    expect(dial.owner?.dial === dial || dial.owner === undefined, `I4: ${name}: a dial has an owner who does not know`)
  }
}

/** I4: nobody waits for what is there. */
const nobodyForgotten = (world: World, book: Book): void => {
  const { name, queue, sockets, state } = book
  if (queue.length === 0) return
  expect(!book.closed, `I8: ${name}: somebody waits for a closed pool`)
  const takers = ({ openedAt, uses }: Socket) =>
    queue.some(({ fresh, since }) => !fresh || (uses === 0 && openedAt >= since))
  const there = sockets.find((socket) => socket.lendable(world.now) && takers(socket))
  expect(there === undefined, `I4: ${name}: somebody waits beside connection ${there?.member.id}`)
  const unmet = book.unmet(world.proving(book))
  if (unmet <= 0) return
  const atLimit = book.used >= state.settings.maxConnectionsPerHost
  expect(
    book.resolving || atLimit || book.count("connecting") >= book.dialsAtOnce || world.used() >= world.total.limit,
    `I4: ${name}: somebody waits beside a free permit`
  )
  const spared = sockets.some((socket) => socket.idle && !socket.reserved)
  const evident = book.known && book.admitting(world.now).length > 0
  expect(
    !atLimit || !evident || !spared || book.count("closing") >= unmet,
    `I4: ${name}: somebody waits while an idle connection has the permit`
  )
}

/** Somebody waits, and nothing but the total limit stands in the way. */
export const starving = (world: World, book: Book): boolean =>
  !book.resolving && !book.closed && book.unmet(world.proving(book)) > 0 && book.admitting(world.now).length > 0 &&
  book.used < book.state.settings.maxConnectionsPerHost && book.count("connecting") < book.dialsAtOnce

const roomIsMade = (world: World): void => {
  const hungry = world.books.filter((book) => starving(world, book)).length
  if (hungry === 0) return
  const sockets = world.sockets
  const closing = sockets.filter(({ where }) => where === "closing").length
  const spared = sockets.some((socket) => socket.idle && !socket.reserved)
  expect(!spared || closing >= hungry, "P8: a host starves while an idle connection has the permit")
}
