/** Commands as data: a kind, a host, and two numbers that each kind makes of what it needs. So they shrink and print well. */
import * as fc from "fast-check"

export type Command = readonly [kind: Kind, host: number, pick: number, how: number]

export type Kind = keyof typeof weights

/** How often each kind comes. */
const weights = {
  join: 8,
  take: 5,
  leave: 1.5,
  release: 12,
  opened: 12,
  failed: 1.5,
  late: 0.7,
  givenUp: 0.5,
  gone: 7,
  abandon: 0.7,
  signal: 2,
  discard: 0.7,
  retire: 0.7,
  blame: 0.5,
  resolved: 2,
  unresolved: 0.5,
  refresh: 0.7,
  evict: 1,
  suspect: 0.7,
  reserve: 2,
  checked: 3,
  checkLate: 0.5,
  ask: 0.7,
  unproven: 0.5,
  warm: 2,
  race: 1,
  retireAll: 0.2,
  settings: 0.5,
  advance: 3,
  shut: 0,
  cut: 0
}

/** Random commands; `emphasis` changes the weights. */
export const commands = (emphasis: Partial<Record<Kind, number>>): fc.Arbitrary<ReadonlyArray<Command>> => {
  const kinds = Object.entries({ ...weights, ...emphasis }).flatMap(([kind, weight]) =>
    // the names of `weights` are all there is
    Array.from({ length: Math.round(weight * 10) }, () => kind as Kind)
  )
  return fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(7), fc.nat(63), fc.nat(63)), {
    maxLength: 120,
    size: "max"
  })
}
