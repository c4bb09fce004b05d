/** One run: random commands, and then the end of everything. */
import type { Command } from "./arbitraries.ts"
import { expect } from "./books.ts"
import { execute } from "./commands.ts"
import { checked, failed, gone, opened, release, resolved, shut } from "./events.ts"
import type { Setup } from "./setup.ts"
import { World } from "./world.ts"

export interface Run {
  readonly setup: Setup
  readonly commands: ReadonlyArray<Command>
  /** whether whatever is under way comes to a good end before the pool is closed */
  readonly patient: boolean
}

export const run = ({ commands, patient, setup }: Run): void => {
  const world = new World(setup)
  for (const command of commands) execute(world, command)
  if (patient) {
    comeToRest(world)
    for (const { name, queue } of world.books) expect(queue.length === 0, `I4: ${name}: somebody waits for ever`)
  }
  shut(world)
  for (const book of world.books) expect(book.queue.length === 0, `P9: ${book.name}: somebody waits for a closed pool`)
  for (let host = 0; host < world.books.length; host++) if (!patient) execute(world, ["cut", host, 0, 0])
  comeToRest(world)
  nothingIsLeft(world)
}

/** Whatever is under way ends, and ends well, until nothing is. */
const comeToRest = (world: World): void => {
  for (let round = 0; oneRound(world); round++) expect(round < 1_000, "I4: it does not come to rest")
}

/** Tells whether anything was under way. */
const oneRound = (world: World): boolean => {
  world.now += 1
  const resolving = world.books.filter((book) => book.resolving)
  const { checks } = world
  const leases = [...world.leases]
  const moving = world.sockets.filter(({ where }) => where !== "open")
  const under = resolving.length + checks.length + moving.length + leases.length
  for (const book of resolving) resolved(world, book, ["a", "b"])
  for (const check of checks) checked(world, check, true)
  for (const socket of moving) {
    if (socket.where === "closing" || socket.where === "abandoned") gone(world, socket)
    else if (!socket.cancelled) opened(world, socket, undefined, Infinity)
    else failed(world, socket, { error: new Error("cancelled"), fault: "local" }, false)
  }
  for (const lease of leases) release(world, lease, { _tag: "Done" })
  return under > 0
}

/** S5: after any mix of failures everything is exact, and nothing is left. */
const nothingIsLeft = (world: World): void => {
  const { books, leases, slots, total } = world
  expect(leases.length === 0, "I7: a lease is left")
  expect(total.used === 0 && total.idle === 0 && total.closing === 0, "S5: permits of all hosts are left")
  expect(total.line.size === 0, "S5: somebody is still in line")
  expect(slots.used === 0, "S5: a check is left")
  for (const { name, state, warmed } of books) {
    expect(state.empty && state.abandoned.size === 0 && state.dials.size === 0, `S5: ${name}: something is left`)
    expect(state.proving === 0, `S5: ${name}: a check on behalf of somebody is left`)
    expect(state.counters.opened === state.counters.closed, `I9: ${name}: opened, but never closed`)
    expect(warmed.every(({ told }) => told === 1), `I7: ${name}: who warmed was not told exactly once`)
    for (const endpoint of state.addresses.endpoints.values()) {
      expect(endpoint.connections === 0 && endpoint.leases === 0, `S5: ${name}: an address still counts something`)
    }
  }
}
