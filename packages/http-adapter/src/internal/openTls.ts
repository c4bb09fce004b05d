/** The connections that are open under an identity: they end when it is no longer the one to use. */
import { Connector } from "@watertight/pool"
import type { Socket } from "node:net"
import type { Origin } from "../Origin.ts"
import type { Identity } from "./tlsIdentities.ts"

/** As whom a connection is opened: to the host, and to an `https:` proxy on the way. Plain ones have none. */
export interface Identities {
  readonly host: Identity | undefined
  readonly proxy: Identity | undefined
}

export const isSame = (one: Identities, other: Identities): boolean =>
  one.host?.content === other.host?.content && one.proxy?.content === other.proxy?.content

interface Open {
  readonly origin: Origin
  readonly identities: Identities
  readonly report: (signal: Connector.Signal) => void
}

export class OpenTls {
  private readonly open = new Set<Open>()

  add(socket: Socket, one: Open): void {
    this.open.add(one)
    socket.once("close", () => this.open.delete(one))
  }

  /** Lends those no more whose identity has changed: idle ones close now, active ones after use. */
  drain(current: (origin: Origin) => Identities | undefined): void {
    const asked = new Map<Origin, Identities | undefined>()
    for (const one of this.open) {
      if (!asked.has(one.origin)) asked.set(one.origin, current(one.origin))
      const now = asked.get(one.origin)
      if (now !== undefined && isSame(now, one.identities)) continue
      this.open.delete(one)
      one.report(Connector.Signal.Retire({ reason: "its TLS identity has changed" }))
    }
  }
}
