/** The pool's connector for processes. */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import { Connector, type Timekeeper } from "@watertight/pool"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { Mismatch, type Protocol } from "../Protocol.ts"
import { HandshakeFailed, type RequestError, type StartError, StartFailed } from "../StdioError.ts"
import { commandOf, type StdioServer } from "../StdioServer.ts"
import { type Child, start } from "./child.ts"
import type { Notices } from "./notices.ts"
import type { Handler, Told } from "./service.ts"
import { type Fork, Serving } from "./serving.ts"
import type { StdioSettings } from "./settings.ts"
import { showStderr } from "./tail.ts"
import type { Counters } from "./traffic.ts"
import { Wire } from "./wire.ts"

/** What the connector needs to know from the pool around it, and what may change while that is at work. */
export interface Surroundings {
  readonly executor: CommandExecutor.CommandExecutor
  readonly keeper: Timekeeper.Timekeeper
  readonly fork: Fork
  readonly total: Counters
  readonly settingsOf: (server: StdioServer) => StdioSettings
  readonly protocolOf: (server: StdioServer) => Protocol
  readonly healthCheckInterval: () => number
  readonly checkTimeoutOf: (server: StdioServer) => Duration.DurationInput
  readonly notices: Notices<Told>
  readonly ownNotices: () => Notices<Told>
  readonly handler: Handler | undefined
}

/** The system has run out of something: no server is to blame. */
const local: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"])

export const connectorOf = (around: Surroundings): Connector.Connector<StdioServer, Wire, StartError> => ({
  label: (server) => server.label,
  resolve: () => Effect.succeed({ addresses: ["local"] }),
  open: (server, _, report) => Effect.suspend(() => open(around, server, report)),
  check: (wire) =>
    Effect.suspend(() =>
      // Only who has not answered anything for an interval is asked.
      around.keeper.now() - wire.answeredAt < around.healthCheckInterval()
        ? Effect.void
        : wire.protocol.check?.(wire.channel) ?? Effect.void
    ),
  // A request that nobody waits for any more leaves the others as they are; a session left half-way may have left anything behind.
  interrupt: (wire) => wire.server.exclusive ? "close" : "keep",
  multiplexes: (server) => capacityOf(around.settingsOf(server), server) > 1,
  fault: (error) => error._tag === "StartFailed" && local.has(error.code) ? "local" : "peer"
})

const capacityOf = ({ capacity }: StdioSettings, { exclusive }: StdioServer): number => exclusive ? 1 : capacity

const open = (
  around: Surroundings,
  server: StdioServer,
  report: (signal: Connector.Signal) => void
): Effect.Effect<Wire, StartError, Scope.Scope> => {
  const settings = around.settingsOf(server)
  const protocol = around.protocolOf(server)
  const { executor, fork, handler, keeper, notices, ownNotices, total } = around
  let suspected = false
  const wireOf = (child: Child): Wire =>
    new Wire(child, {
      server,
      settings,
      protocol,
      keeper,
      serving: new Serving(fork, settings.maxServerRequests),
      total,
      report,
      notices,
      ownNotices: ownNotices(),
      handler,
      suspect: (channel, lose) => {
        if (suspected) return
        suspected = true
        // Nobody can tell whether it lives: those who wait may yet be answered, and nobody else is sent there.
        if (protocol.check === undefined) return report(Connector.Signal.Draining())
        const asked = Effect.timeoutFail(Effect.suspend(() => protocol.check?.(channel) ?? Effect.void), {
          duration: around.checkTimeoutOf(server),
          onTimeout: () => new Mismatch("no answer to a check")
        })
        fork(Effect.matchCause(asked, {
          onFailure: () => lose("it answers neither a request nor a check"),
          onSuccess: () => {
            suspected = false
          }
        }))
      },
      warn: (message) => {
        fork(Effect.logWarning(message))
      }
    })
  return Effect.gen(function*() {
    let wire: Wire | undefined = undefined as Wire | undefined
    yield* start(executor.start(commandOf(server)), settings, keeper, (child) => wire = wireOf(child)).pipe(
      Effect.mapError((error) => new StartFailed({ server: server.label, code: codeOf(error) }))
    )
    // it is made in the very step in which the process is there
    const opened = wire as Wire
    const { child } = opened
    report(Connector.Signal.Connecting({
      describe: () => `process ${child.pid} was started, but is not ready${showStderr(child.stderr)}`
    }))
    report(Connector.Signal.Capacity({ leases: capacityOf(settings, server) }))
    if (protocol.handshake !== undefined) {
      opened.ready = yield* Effect.mapError(protocol.handshake(opened.channel), (error) => unready(opened, error))
    }
    return opened
  })
}

const unready = ({ child, server }: Wire, error: RequestError | Mismatch): HandshakeFailed =>
  new HandshakeFailed({
    server: server.label,
    reason: error instanceof Mismatch
      ? error.message
      : error._tag === "ProcessLost"
      ? error.reason
      : error.message,
    exit: child.exit ?? { code: undefined, signal: undefined },
    stderr: child.stderr
  })

/** Words of the system alone: what an executor says besides may have the arguments in it. */
const codeOf = (error: unknown): string =>
  hasProperty(error, "cause") && hasProperty(error.cause, "code") && typeof error.cause.code === "string"
    ? error.cause.code
    : hasProperty(error, "code") && typeof error.code === "string"
    ? error.code
    : hasProperty(error, "reason") && typeof error.reason === "string"
    ? error.reason
    : "unknown"
