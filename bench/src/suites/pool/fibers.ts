import { Array as Arr, Effect, KeyedPool, Pool, RcMap, type Scope, Supervisor } from "effect"
import type { BenchOptions, Report } from "../../suite.ts"
import { atMost } from "../../target.ts"
import { fill, makeWatertight, roomFor } from "./watertight.ts"

const CONNECTIONS = 1_000
const HOSTS = 10

interface Subject {
  readonly name: string
  readonly make: (connections: number) => Effect.Effect<unknown, never, Scope.Scope>
}

const WATERTIGHT = "Watertight"

const hostNames = Array.from({ length: HOSTS }, (_, index) => `host-${index}`)
const open = (key: string) => Effect.succeed({ key })

const subjects: ReadonlyArray<Subject> = [
  {
    name: WATERTIGHT,
    make: (connections) =>
      Effect.tap(
        makeWatertight(roomFor(CONNECTIONS, HOSTS)),
        (pool) => connections === 0 ? Effect.void : fill(pool, hostNames, connections / HOSTS)
      )
  },
  { name: "Pool", make: (size) => Pool.make({ acquire: open("host"), size }) },
  {
    name: "KeyedPool",
    make: (connections) =>
      Effect.tap(
        KeyedPool.make({ acquire: open, size: Math.max(connections / HOSTS, 1) }),
        (pool) => Effect.forEach(connections === 0 ? [] : hostNames, (key) => Effect.scoped(KeyedPool.get(pool, key)))
      )
  },
  {
    name: "RcMap, idle time to live 1 min",
    make: (connections) =>
      Effect.tap(
        RcMap.make({ lookup: open, idleTimeToLive: "1 minute" }),
        (map) =>
          Effect.forEach(Arr.range(1, connections), (index) =>
            connections === 0 ? Effect.void : Effect.scoped(RcMap.get(map, `key-${index}`)), { discard: true })
      )
  }
]

/** The fibers that live once the pool has come to rest, the one that made it left out. */
const fibersWith = (subject: Subject, connections: number): Effect.Effect<number> =>
  Effect.scoped(Effect.gen(function*() {
    const supervisor = yield* Supervisor.track
    yield* Effect.supervised(subject.make(connections), supervisor)
    yield* Effect.sleep("50 millis")
    return (yield* supervisor.value).length
  }))

/** Live fibers of a pool: a constant number, and at most one for each connection. */
export const fibers = (options: BenchOptions): Effect.Effect<Report> =>
  Effect.gen(function*() {
    options.progress.show("fibers")
    const counts = yield* Effect.forEach(subjects, (subject) =>
      Effect.all({
        name: Effect.succeed(subject.name),
        none: fibersWith(subject, 0),
        many: fibersWith(subject, CONNECTIONS)
      }))
    const watertight = counts.find((count) => count.name === WATERTIGHT)
    return {
      tables: [{
        title: "Live fibers of a pool at rest",
        columns: ["pool", "0 connections", "1,000 connections"],
        rows: counts.map(({ many, name, none }) => [name, String(none), String(many)])
      }],
      targets: [
        atMost({
          name: "fibers for each idle connection",
          label: "fibers per connection",
          measured: watertight === undefined ? Number.NaN : (watertight.many - watertight.none) / CONNECTIONS,
          bound: 1,
          unit: ""
        })
      ],
      raw: { fibers: counts }
    }
  })
