/** The pool's connector for HTTP over sockets. */
import type { Connector, Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { isIP, type Socket } from "node:net"
import type { ConnectError, ConnectFailed, IdentityUnknown } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { ResolverService } from "../Resolver.ts"
import { checkWire } from "./check.ts"
import type { Wire } from "./connection.ts"
import { dial, unixPrefix } from "./dial.ts"
import { attach } from "./http2Wire.ts"
import { type Identities, isSame, type OpenTls } from "./openTls.ts"
import { alpnOf, isHttp2, mayBeHttp2 } from "./protocol.ts"
import type { HttpSettings } from "./settings.ts"
import { UndiciWire } from "./undiciWire.ts"
import { tellUnverified } from "./unverified.ts"

/** What the connector needs to know from the pool around it, and what may change while that is at work. */
export interface Surroundings {
  readonly keeper: Timekeeper.Timekeeper
  readonly settingsOf: (origin: Origin) => HttpSettings
  readonly identitiesOf: (origin: Origin) => Either.Either<Identities, IdentityUnknown>
  readonly openTls: OpenTls
  readonly healthCheckInterval: () => number
}

/** The system has run out of something, or our own settings are wrong: no peer is to blame. */
const local: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ENOBUFS",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
  "ENETDOWN",
  "ENETUNREACH"
])

export const connectorOf = (
  resolver: ResolverService,
  around: Surroundings
): Connector.Connector<Origin, Wire, ConnectError> => ({
  label: (origin) => origin.label,
  resolve: ({ host, proxy, socketPath }) => {
    const name = proxy?.host ?? host
    return socketPath !== undefined
      ? Effect.succeed({ addresses: [unixPrefix + socketPath] })
      : isIP(name) !== 0
      ? Effect.succeed({ addresses: [name] })
      : resolver.resolve(name)
  },
  open: (origin, address, report) =>
    Effect.suspend(() => {
      const settings = around.settingsOf(origin)
      return Effect.flatMap(
        connected(origin, address, settings, report, around),
        (socket): Effect.Effect<Wire, ConnectFailed, Scope.Scope> =>
          isHttp2(socket, settings)
            ? attach({ socket, origin, address, settings, report, keeper: around.keeper })
            : new UndiciWire(socket, origin, address, settings, report, around.keeper.now).attached
      )
    }),
  multiplexes: (origin) => mayBeHttp2(origin.scheme, around.settingsOf(origin)),
  // a stream of HTTP/2 ends without the others
  interrupt: (wire) => wire.shared && wire.alive ? "keep" : "close",
  check: (wire) => checkWire(wire, around.keeper, around.healthCheckInterval()),
  fault: (error) =>
    error._tag === "IdentityUnknown" ||
      (error._tag === "ConnectFailed" && local.has(error.code)) ||
      // our credentials are wrong, not the proxy
      (error._tag === "ProxyFailed" && error.status === 407)
      ? "local"
      : "peer"
})

/** A socket to the host, under the identity of the moment in which it is there. */
const connected = (
  origin: Origin,
  address: string,
  settings: HttpSettings,
  report: (signal: Connector.Signal) => void,
  around: Surroundings
): Effect.Effect<Socket, ConnectError, Scope.Scope> =>
  Effect.flatMap(Effect.suspend(() => around.identitiesOf(origin)), (identities) => {
    const to = { origin, address, settings, identities, protocols: alpnOf(settings) }
    return Effect.zipRight(tellUnverified(origin, identities), dial(to)).pipe(
      Effect.flatMap((socket): Effect.Effect<Socket, ConnectError, Scope.Scope> => {
        const now = around.identitiesOf(origin)
        if (Either.isLeft(now)) return Effect.fail(now.left)
        if (isSame(now.right, identities)) {
          if (identities.host !== undefined || identities.proxy !== undefined) {
            around.openTls.add(socket, { origin, identities, report })
          }
          return Effect.succeed(socket)
        }
        // It was rotated meanwhile.
        socket.destroy()
        return connected(origin, address, settings, report, around)
      })
    )
  })
