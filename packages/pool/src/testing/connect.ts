/** The connector of a scripted network: carries out what the script says. */
import * as Effect from "effect/Effect"
import type { Connector } from "../Connector.ts"
import { Signal } from "../Connector.ts"
import type { Course } from "./course.ts"
import type { Refused, TestConnection } from "./socket.ts"
import { Socket } from "./socket.ts"
import type { Host, World } from "./world.ts"

/** The socket behind what a test holds. */
export const socketOf = (connection: TestConnection): Socket => {
  if (connection instanceof Socket) return connection
  throw new Error("this connection is none of a TestConnector's")
}

const outcome = (host: Host, course: Course, refuse: () => Refused): Effect.Effect<void, Refused> => {
  if (course.dies) return Effect.die(new Error(`${host.key}: a defect, as scripted`))
  return course.fails ? Effect.fail(refuse()) : Effect.void
}

/** A connector whose functions throw, instead of giving an effect, is wrong, but must not harm its pool. */
const mayThrow = (host: Host, operation: Refused["operation"]): void => {
  if (host.throwsFrom.has(operation)) throw new Error(`${host.key}: ${operation} throws, as scripted`)
}

export const connectorOf = (world: World): Connector<string, TestConnection, Refused> => {
  const handshake = (host: Host, socket: Socket): Effect.Effect<TestConnection, Refused> => {
    const refuse = () => host.refusal("open", socket.address)
    const courses = [host.opening, host.at(socket.address)]
    return Effect.forEach(courses, (course) => course.pass, { discard: true }).pipe(
      Effect.zipRight(
        Effect.suspend(() => Effect.forEach(courses, (course) => outcome(host, course, refuse), { discard: true }))
      ),
      Effect.zipRight(Effect.suspend(() => {
        if (!world.connect(socket)) return Effect.fail(refuse())
        if (host.capacity !== 1) socket.report(Signal.Capacity({ leases: host.capacity }))
        return Effect.succeed(socket)
      }))
    )
  }

  const close = (host: Host, socket: Socket): Effect.Effect<void> =>
    Effect.suspend(() => {
      world.beginClose(socket)
      return host.closing.pass
    }).pipe(
      Effect.zipRight(Effect.suspend(() => {
        // even a close that ends in a defect has closed the socket
        world.endClose(socket)
        return host.closing.dies ? Effect.die(new Error(`${host.key}: a defect on closing, as scripted`)) : Effect.void
      })),
      // a close that hangs is one that nothing can end
      Effect.uninterruptible
    )

  return {
    label: (key) => key,

    resolve: (key) => {
      const host = world.host(key)
      mayThrow(host, "resolve")
      return Effect.suspend(() => {
        host.resolved += 1
        return world.resolving.during(
          host.resolving.pass.pipe(
            Effect.zipRight(Effect.suspend(() => outcome(host, host.resolving, () => host.refusal("resolve")))),
            Effect.zipRight(Effect.sync(() => ({ addresses: host.addresses, ttl: host.ttl })))
          )
        )
      })
    },

    open: (key, address, report) => {
      const host = world.host(key)
      mayThrow(host, "open")
      return Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const socket = world.dial(host, address, report)
          const dial = host.dialing.during(handshake(host, socket))
          return Effect.zipRight(
            Effect.addFinalizer(() => close(host, socket)),
            host.dialsUninterruptibly ? dial : restore(dial)
          )
        })
      )
    },

    check: (connection) => {
      const socket = socketOf(connection)
      const host = world.host(socket.key)
      mayThrow(host, "check")
      return Effect.suspend(() => {
        const refused = Effect.suspend(() => Effect.fail(host.refusal("check", socket.address)))
        world.checks += 1
        socket.checks += 1
        const answer = Effect.suspend(() => {
          if (!socket.isOpen || socket.failsChecks) return refused
          return outcome(host, host.checking, () => host.refusal("check", socket.address))
        })
        return world.checking.during(
          // a socket that is known to be dead answers at once
          socket.isOpen
            ? Effect.zipRight(Effect.zipRight(host.checking.pass, socket.peer.pass), answer)
            : refused
        )
      })
    },

    interrupt: (connection) => world.host(connection.key).keepsOnInterrupt ? "keep" : "close",
    multiplexes: (key) => world.host(key).capacity > 1,
    fault: (error) => error.fault
  }
}
