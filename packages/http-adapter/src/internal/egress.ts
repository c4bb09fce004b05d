/**
 * Keeps a policy of egress. It stands round the connector, so that whatever is dialed is asked about as the address that it is: between
 * the question and the dial nothing is resolved again.
 */
import { Connector } from "@watertight/pool"
import * as Effect from "effect/Effect"
import { type ConnectError, EgressDenied } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import { parseIp } from "./addressRange.ts"
import type { Wire } from "./connection.ts"
import { unixPrefix } from "./dial.ts"
import { type Egress, nameOf, refusalOf } from "./egressRules.ts"

/** A connection, or one to be. */
interface Guarded {
  readonly origin: Origin
  readonly address: string
  readonly report: (signal: Connector.Signal) => void
  open: boolean
}

type HttpConnector = Connector.Connector<Origin, Wire, ConnectError>

export class Gate {
  private egress: Egress
  private names = new WeakMap<Origin, string | true>()
  private readonly connections = new Set<Guarded>()

  constructor(egress: Egress) {
    this.egress = egress
  }

  /** From now on another policy holds. Connections that it refuses are lent no more, and closed when nobody has them. */
  change(egress: Egress): void {
    this.egress = egress
    this.names = new WeakMap()
    for (const { address, open, origin, report } of this.connections) {
      const denied = open ? this.deniedAt(origin, address) : undefined
      if (denied !== undefined) report(Connector.Signal.Retire({ reason: denied.message }))
    }
  }

  /** What can be said before anything is resolved or borrowed. It is asked for every request. */
  denied(origin: Origin): EgressDenied | undefined {
    if (this.egress.free) return undefined
    let rule = this.names.get(origin)
    if (rule === undefined) {
      rule = this.ruleFor(origin, undefined) ?? true
      this.names.set(origin, rule)
    }
    return rule === true ? undefined : deniedBy(rule, origin, undefined)
  }

  /** The connector, with what is refused left out of its answers and its dials. */
  guard(connector: HttpConnector): HttpConnector {
    return {
      ...connector,
      resolve: (origin) =>
        Effect.suspend(() => {
          const denied = this.denied(origin)
          if (denied !== undefined) return Effect.fail(denied)
          const found = connector.resolve(origin)
          return this.egress.free ? found : Effect.flatMap(found, (resolution) => this.permitted(origin, resolution))
        }),
      open: (origin, address, report) => Effect.suspend(() => this.opened(connector, origin, address, report)),
      fault: (error) => error._tag === "EgressDenied" ? "local" : connector.fault?.(error) ?? "peer"
    }
  }

  private opened(
    connector: HttpConnector,
    origin: Origin,
    address: string,
    report: (signal: Connector.Signal) => void
  ): ReturnType<HttpConnector["open"]> {
    const denied = this.deniedAt(origin, address)
    if (denied !== undefined) return Effect.fail(denied)
    const guarded: Guarded = { origin, address, report, open: false }
    return Effect.acquireRelease(
      Effect.sync(() => this.connections.add(guarded)),
      () => Effect.sync(() => this.connections.delete(guarded))
    ).pipe(
      Effect.zipRight(connector.open(origin, address, report)),
      Effect.flatMap((wire) => {
        // the policy may have changed during the handshake
        const late = this.deniedAt(origin, address)
        guarded.open = true
        return late === undefined ? Effect.succeed(wire) : Effect.fail(late)
      })
    )
  }

  /** The addresses that may be dialed. If none is left, the resolution has failed, and the pool keeps what it knew before. */
  private permitted(
    origin: Origin,
    resolution: Connector.Resolution
  ): Effect.Effect<Connector.Resolution, EgressDenied> {
    const addresses: Array<string> = []
    let first: EgressDenied | undefined
    for (const address of resolution.addresses) {
      const denied = this.deniedAt(origin, address)
      if (denied === undefined) addresses.push(address)
      else first ??= denied
    }
    return first !== undefined && addresses.length === 0
      ? Effect.fail(first)
      : Effect.succeed({ ...resolution, addresses })
  }

  /** What can be said of an address that is to be dialed. */
  private deniedAt(origin: Origin, address: string): EgressDenied | undefined {
    if (this.egress.free) return undefined
    const rule = this.ruleFor(origin, address)
    return rule === undefined ? undefined : deniedBy(rule, origin, address)
  }

  private ruleFor(origin: Origin, address: string | undefined): string | undefined {
    const { host, port, socketPath } = origin
    // A proxy finds the addresses itself, and its own is the operator's choice: what is asked about is where it is to connect to.
    const proxied = origin.proxy !== undefined
    const dialed = proxied ? undefined : address
    const ip = parseIp(dialed ?? host)
    // A name would be resolved once more, out of sight; and a resolver must not lead to a Unix socket.
    if (dialed !== undefined && ip === undefined && socketPath === undefined) {
      return "what is dialed has to be an IP address"
    }
    return refusalOf(this.egress, { host: nameOf(host), port, ip, unix: socketPath }, proxied ? "never" : "later")
  }
}

const deniedBy = (
  rule: string,
  { host, label, port, socketPath }: Origin,
  dialed: string | undefined
): EgressDenied => {
  const known = socketPath === undefined ? parseIp(host) === undefined ? undefined : host : unixPrefix + socketPath
  return new EgressDenied({ host: label, address: dialed ?? known, port, rule })
}
