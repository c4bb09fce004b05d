import { Effect, type Scope } from "effect"
import * as Connector from "../../../src/Connector.ts"
import type { SimConnection, World } from "./world.ts"

/** Why a resolution or a dial failed. */
export interface Refused {
  readonly _tag: "Refused"
  readonly reason: string
  readonly fault: Connector.Fault
}

const refused = (reason: string, fault: Connector.Fault = "peer"): Effect.Effect<never, Refused> =>
  Effect.fail({ _tag: "Refused", reason, fault })

/** How long things take, in milliseconds of virtual time. */
const fastMax = 5
const slowMax = 500
const lifeMax = 200
const jumpMax = 120_000

/** What a well-written adapter does over a network that behaves badly. Every callback comes from the virtual clock. */
export const simConnector = (world: World): Connector.Connector<string, SimConnection, Refused> => ({
  label: (key) => key,
  resolve: (key) => resolve(world, key),
  open: (key, address, report) => open(world, key, address, report),
  check: (connection) => check(world, connection),
  interrupt: () => world.random.chance(0.5) ? "close" : "keep",
  multiplexes: () => world.capacityMax > 1,
  fault: (error) => error.fault
})

const resolve = (world: World, key: string): Effect.Effect<Connector.Resolution, Refused> =>
  Effect.suspend(() => {
    if (world.strikes("connectorThrows")) throw new Error("resolve threw")
    if (world.strikes("resolveFails")) return world.answer(0, slowMax, () => refused(`no such host: ${key}`))
    const found = (): Effect.Effect<Connector.Resolution> =>
      Effect.sync(() => {
        const addresses = world.addressesOf(key)
        world.sim.log(`resolved ${key} to ${addresses.join(" ")}`)
        return { addresses, ttl: world.random.chance(0.3) ? world.random.between(100, 2000) : undefined }
      })
    return world.strikes("resolveHangs") ? world.hang(found) : world.answer(0, fastMax, found)
  })

/** Two phases, as with a real socket: its close is registered before the handshake can fail, hang or be interrupted. */
const open = (
  world: World,
  key: string,
  address: Connector.Address,
  report: (signal: Connector.Signal) => void
): Effect.Effect<SimConnection, Refused, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      if (world.strikes("connectorThrows")) throw new Error("open threw")
      const connection = world.socket(key, address, report)
      return Effect.zipRight(
        Effect.addFinalizer(() => close(world, connection)),
        restore(handshake(world, connection))
      )
    })
  )

const handshake = (world: World, connection: SimConnection): Effect.Effect<SimConnection, Refused> =>
  Effect.suspend(() => {
    if (world.strikes("dialReportsEarly")) {
      world.after(0, fastMax, () => {
        if (connection.phase === "connecting") world.report(connection, closed("reset during the handshake"))
      })
    }
    // A destroyed socket connects no more and answers nobody: its `connect` event simply never comes.
    const unlessDestroyed = <A, E>(give: () => Effect.Effect<A, E>) => (): Effect.Effect<A, E> | undefined =>
      connection.phase === "connecting" ? give() : undefined
    const connected = unlessDestroyed(() => {
      world.move(connection, "open")
      live(world, connection)
      return Effect.succeed(connection)
    })
    if (world.strikes("dialRefused")) {
      return world.answer(0, fastMax, unlessDestroyed(() => refused("connection refused")))
    }
    if (world.strikes("dialFailsLocally")) {
      return world.answer(0, 0, unlessDestroyed(() => refused("too many open files", "local")))
    }
    if (world.strikes("dialHangs")) return world.hang(connected)
    return world.strikes("dialSlow") ? world.answer(fastMax, slowMax, connected) : world.answer(0, fastMax, connected)
  })

/** What the peer does to a connection in its life. */
const live = (world: World, connection: SimConnection): void => {
  const someTime = (run: () => void): void => {
    world.after(0, lifeMax, () => {
      if (connection.phase === "open") run()
    })
  }
  if (world.capacityMax > 1) {
    someTime(() => world.report(connection, capacity(world.random.between(1, world.capacityMax))))
  }
  if (world.strikes("capacityChanges")) {
    someTime(() => world.report(connection, capacity(world.random.between(0, world.capacityMax))))
  }
  if (world.strikes("clockJumps")) {
    someTime(() => {
      world.sim.log("the process was frozen")
      world.sim.clock.jump(world.random.between(slowMax, jumpMax))
    })
  }
  if (world.strikes("peerDrains")) someTime(() => world.report(connection, Connector.Signal.Draining()))
  if (world.strikes("peerSetsExpiry")) {
    someTime(() => {
      const millis = world.sim.now + world.random.between(0, lifeMax)
      world.report(connection, Connector.Signal.ExpiresAt({ millis }))
    })
  }
  if (world.strikes("peerDiesSilently")) {
    someTime(() => {
      world.log(connection, "silent death")
      connection.peerGone = true
    })
  }
  if (world.strikes("peerCloses")) {
    someTime(() => {
      connection.peerGone = true
      world.report(connection, closed("closed by the peer"))
    })
  }
}

const check = (world: World, connection: SimConnection): Effect.Effect<void, string> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      if (world.strikes("connectorThrows")) throw new Error("check threw")
      const counts = world.counts(connection.key)
      connection.checksRunning++
      counts.checksNow++
      counts.checksPeak = Math.max(counts.checksPeak, counts.checksNow)
      world.log(connection, "check")
      const fails = world.strikes("checkFails")
      const verdict = (): Effect.Effect<void, string> =>
        fails || connection.peerGone || connection.phase !== "open" ? Effect.fail("no answer") : Effect.void
      const answer = world.strikes("checkHangs") ? world.hang(verdict) : world.answer(0, fastMax, verdict)
      return Effect.ensuring(
        restore(answer),
        Effect.sync(() => {
          connection.checksRunning--
          counts.checksNow--
        })
      )
    })
  )

/** Destroying is immediate and silent towards the handshake; that the socket is really gone takes its time. */
const close = (world: World, connection: SimConnection): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (connection.phase === "closing" || connection.phase === "closed") {
      world.sim.fail(`closed twice: ${connection.address}#${connection.id}`)
      return Effect.void
    }
    const atOnce = connection.phase === "connecting"
    world.move(connection, "closing")
    if (world.strikes("reportsLate")) world.after(0, fastMax, () => world.report(connection, closed("destroyed")))
    const gone = (): Effect.Effect<void> => Effect.sync(() => world.move(connection, "closed"))
    if (atOnce) return gone()
    if (world.strikes("closeHangs")) return world.hang(gone)
    return world.strikes("closeSlow") ? world.answer(1, slowMax, gone) : gone()
  })

const closed = (reason: string): Connector.Signal => Connector.Signal.Closed({ reason })
const capacity = (leases: number): Connector.Signal => Connector.Signal.Capacity({ leases })
