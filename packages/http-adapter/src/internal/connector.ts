/** The pool's connector for HTTP/1.1 over sockets. */
import type { Connector, Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import { isIP } from "node:net"
import type { ConnectError, ConnectFailed } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { ResolverService } from "../Resolver.ts"
import { checkWire } from "./check.ts"
import type { Wire } from "./connection.ts"
import { dial, unixPrefix } from "./dial.ts"
import type { HttpSettings } from "./settings.ts"
import { TlsIdentities } from "./tlsIdentities.ts"
import { UndiciWire } from "./undiciWire.ts"

/** What the connector needs to know from the pool around it, and what may change while that is at work. */
export interface Surroundings {
  readonly keeper: Timekeeper.Timekeeper
  readonly settingsOf: (origin: Origin) => HttpSettings
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
  { healthCheckInterval, keeper, settingsOf }: Surroundings
): Connector.Connector<Origin, Wire, ConnectError> => {
  const identities = new TlsIdentities()
  return {
    label: (origin) => origin.label,
    resolve: ({ host, socketPath }) =>
      socketPath !== undefined
        ? Effect.succeed({ addresses: [unixPrefix + socketPath] })
        : isIP(host) !== 0
        ? Effect.succeed({ addresses: [host] })
        : resolver.resolve(host),
    open: (origin, address, report) =>
      Effect.suspend(() => {
        const settings = settingsOf(origin)
        return Effect.flatMap(
          dial(origin, address, settings, identities),
          (socket): Effect.Effect<Wire, ConnectFailed> =>
            new UndiciWire(socket, origin, address, settings, report, keeper.now).attached
        )
      }),
    check: (wire) => checkWire(wire, keeper, healthCheckInterval()),
    fault: (error) => error._tag === "ConnectFailed" && local.has(error.code) ? "local" : "peer"
  }
}
