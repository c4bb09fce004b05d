/** The pool's connector for servers in memory: a scripted network below, HTTP without sockets above. */
import type { Connector } from "@watertight/pool"
import type { TestNetwork } from "@watertight/pool/testing"
import * as Effect from "effect/Effect"
import { isIP } from "node:net"
import { errors } from "undici/index.js"
import { type ConnectError, ConnectFailed, ResolveFailed } from "../HttpError.ts"
import { checkWire } from "../internal/check.ts"
import type { Wire } from "../internal/connection.ts"
import type { Surroundings } from "../internal/connector.ts"
import { unixPrefix } from "../internal/dial.ts"
import type { Origin } from "../Origin.ts"
import type { Run } from "./serve.ts"
import type { Servers } from "./servers.ts"
import { TestWire } from "./wire.ts"

export const connectorOf = (
  servers: Servers,
  network: TestNetwork,
  run: Run,
  { healthCheckInterval, keeper, settingsOf }: Surroundings
): Connector.Connector<Origin, Wire, ConnectError> => ({
  label: (origin) => origin.label,

  resolve: (origin) => {
    const { host: hostname, socketPath } = origin
    if (socketPath !== undefined) return Effect.succeed({ addresses: [unixPrefix + socketPath] })
    if (isIP(hostname) !== 0) return Effect.succeed({ addresses: [hostname] })
    const server = servers.reachedBy(origin) ?? servers.withName(hostname)
    return server === undefined
      ? Effect.fail(new ResolveFailed({ hostname, cause: systemError("ENOTFOUND") }))
      : Effect.mapError(
        network.connector.resolve(server.place),
        () => new ResolveFailed({ hostname, cause: systemError("EAI_AGAIN") })
      )
  },

  open: (origin, address, report) => {
    const refused = (code: string): ConnectFailed =>
      new ConnectFailed({ host: origin.label, address, code, cause: systemError(code) })
    const server = servers.reachedBy(origin)
    if (server === undefined) return Effect.fail(refused(origin.socketPath === undefined ? "ECONNREFUSED" : "ENOENT"))
    let wire: TestWire | undefined
    // the network has nothing to say but that the server has closed
    const closed = (signal: Connector.Signal): void =>
      wire === undefined ? report(signal) : wire.lose(new errors.SocketError("other side closed"))
    return network.connector.open(server.place, address, closed).pipe(
      Effect.mapError(({ fault }) => refused(fault === "local" ? "EMFILE" : "ECONNREFUSED")),
      Effect.flatMap((connection) => {
        const cut = network.closeFromPeer(connection)
        const settings = settingsOf(origin)
        return Effect.acquireRelease(
          Effect.sync(() => {
            server.opened += 1
            return wire = new TestWire({ connection, origin, server, settings, keeper, report, run, cut })
          }),
          (opened) => Effect.sync(() => opened.drop())
        )
      })
    )
  },

  check: (wire) => checkWire(wire instanceof TestWire ? wire.probe : wire, keeper, healthCheckInterval()),

  fault: (error) => error._tag === "ConnectFailed" && error.code === "EMFILE" ? "local" : "peer"
})

/** As Node has it: the code is what programs look at. */
const systemError = (code: string): Error => Object.assign(new Error(`${code}, as scripted`), { code })
