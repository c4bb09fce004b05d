/** A scripted network, for tests of whatever uses a pool. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Address, Signal } from "../Connector.ts"
import { connectorOf, socketOf } from "./connect.ts"
import type { Course } from "./course.ts"
import type { TestConnection } from "./socket.ts"
import type { TestNetwork } from "./TestNetwork.ts"
import { type Host, World } from "./world.ts"

export { Refused, type TestConnection } from "./socket.ts"
export type { TestNetwork } from "./TestNetwork.ts"

/** What every host of a network is like until a test says otherwise. */
export interface Options {
  /** default: `["10.0.0.1"]` */
  readonly addresses?: ReadonlyArray<Address> | undefined
  /** default: 1 */
  readonly capacity?: number | undefined
  /** default: none */
  readonly delayOpen?: Duration.DurationInput | undefined
}

/**
 * Makes a network of hosts that all answer at once, until a test tells them otherwise.
 *
 * @example
 * import { ConnectionPool } from "@watertight/pool"
 * import { TestConnector } from "@watertight/pool/testing"
 * import { Effect } from "effect"
 *
 * export const oneSocketServesTwoInTurn = Effect.gen(function*() {
 *   const network = yield* TestConnector.make()
 *   const pool = yield* ConnectionPool.make({ connector: network.connector })
 *   const ask = pool.use("users.test", (lease) => Effect.succeed(lease.connection.id))
 *   yield* ask
 *   yield* ask
 *   return (yield* network.opened) === 1
 * })
 */
export const make = (options: Options = {}): Effect.Effect<TestNetwork> =>
  Effect.sync(() => {
    const world = new World({
      addresses: options.addresses ?? ["10.0.0.1"],
      capacity: options.capacity ?? 1,
      delayOpen: Duration.decode(options.delayOpen ?? 0)
    })

    // each of these is one synchronous step
    const set = <A>(change: (host: Host, value: A) => void) => (key: string, value: A): Effect.Effect<void> =>
      Effect.sync(() => change(world.host(key), value))
    const setAt =
      <A>(change: (course: Course, value: A) => void) =>
      (key: string, address: Address, value: A): Effect.Effect<void> =>
        Effect.sync(() => change(world.host(key).at(address), value))
    const get = <A>(read: (host: Host) => A) => (key: string): Effect.Effect<A> =>
      Effect.sync(() => read(world.host(key)))

    const delay = (course: Course, value: Duration.DurationInput): void => {
      course.delay = Duration.decode(value)
    }
    const fail = (course: Course, failing: boolean): void => {
      course.fails = failing
    }
    const die = (course: Course, dying: boolean): void => {
      course.dies = dying
    }
    const hang = (course: Course, hanging: boolean): void => course.gate.set(hanging)

    const signal = (connection: TestConnection, what: Signal): Effect.Effect<void> =>
      Effect.sync(() => {
        const socket = socketOf(connection)
        if (what._tag === "Closed") world.closeFromPeer(socket, what.reason)
        else socket.report(what)
      })

    return {
      connector: connectorOf(world),

      setAddresses: set((host, addresses: ReadonlyArray<Address>) => {
        host.addresses = [...addresses]
      }),
      setTtl: set((host, ttl: Duration.DurationInput | undefined) => {
        host.ttl = ttl
      }),
      delayResolve: set((host, value: Duration.DurationInput) => delay(host.resolving, value)),
      failResolve: set((host, value: boolean) => fail(host.resolving, value)),
      hangResolve: set((host, value: boolean) => hang(host.resolving, value)),
      dieResolve: set((host, value: boolean) => die(host.resolving, value)),

      delayOpen: set((host, value: Duration.DurationInput) => delay(host.opening, value)),
      failOpen: set((host, value: boolean) => fail(host.opening, value)),
      hangOpen: set((host, value: boolean) => hang(host.opening, value)),
      dieOpen: set((host, value: boolean) => die(host.opening, value)),
      delayOpenAt: setAt(delay),
      failOpenAt: setAt(fail),
      hangOpenAt: setAt(hang),
      uninterruptibleOpen: set((host, uninterruptible: boolean) => {
        host.dialsUninterruptibly = uninterruptible
      }),
      localFault: set((host, local: boolean) => {
        host.fault = local ? "local" : "peer"
      }),
      throwFrom: (key, operation, throwing) =>
        Effect.sync(() => {
          const operations = world.host(key).throwsFrom
          if (throwing) operations.add(operation)
          else operations.delete(operation)
        }),

      setCapacity: set((host, leases: number) => {
        host.capacity = leases
      }),
      signal,
      setDraining: (connection) => signal(connection, Signal.Draining()),
      closeFromPeer: (connection) => signal(connection, Signal.Closed({ reason: "closed by the peer" })),
      silence: (connection, checks = "hang") =>
        Effect.sync(() => {
          const socket = socketOf(connection)
          socket.failsChecks = checks === "fail"
          socket.peer.set(checks === "hang")
        }),
      revive: (connection) =>
        Effect.sync(() => {
          const socket = socketOf(connection)
          socket.failsChecks = false
          socket.peer.set(false)
        }),
      keepOnInterrupt: set((host, keep: boolean) => {
        host.keepsOnInterrupt = keep
      }),

      delayChecks: set((host, value: Duration.DurationInput) => delay(host.checking, value)),
      failChecks: (connection, failing) =>
        Effect.sync(() => {
          socketOf(connection).failsChecks = failing
        }),
      failAllChecks: set((host, value: boolean) => fail(host.checking, value)),
      hangChecks: set((host, value: boolean) => hang(host.checking, value)),
      dieChecks: set((host, value: boolean) => die(host.checking, value)),

      delayClose: set((host, value: Duration.DurationInput) => delay(host.closing, value)),
      hangClose: set((host, value: boolean) => hang(host.closing, value)),
      dieClose: set((host, value: boolean) => die(host.closing, value)),

      openNow: (key) => Effect.sync(() => (key === undefined ? world : world.host(key)).openNow.now),
      peakOpen: (key) => Effect.sync(() => (key === undefined ? world : world.host(key)).openNow.peak),
      opening: get((host) => host.dialing.now),
      peakOpening: get((host) => host.dialing.peak),
      connections: get((host) => [...host.sockets].filter((socket) => socket.isOpen)),
      sockets: get((host) => [...host.sockets]),
      resolved: get((host) => host.resolved),
      dialed: Effect.sync(() => world.dialed),
      opened: Effect.sync(() => world.opened),
      closed: Effect.sync(() => world.closed),
      checks: Effect.sync(() => world.checks),
      peakChecks: Effect.sync(() => world.checking.peak),
      peakResolving: Effect.sync(() => world.resolving.peak)
    }
  })
