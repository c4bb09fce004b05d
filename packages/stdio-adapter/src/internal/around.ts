/** What a wire stands on: everything that is not of one process alone. */
import type { Connector, Timekeeper } from "@watertight/pool"
import type { Channel, Protocol } from "../Protocol.ts"
import type { StdioServer } from "../StdioServer.ts"
import type { Notices } from "./notices.ts"
import type { Handler, Told } from "./service.ts"
import type { Serving } from "./serving.ts"
import type { StdioSettings } from "./settings.ts"
import type { Counters } from "./traffic.ts"

/** What those around a wire give it, and hear of it. */
export interface Around {
  readonly server: StdioServer
  readonly settings: StdioSettings
  readonly protocol: Protocol
  readonly keeper: Timekeeper.Timekeeper
  readonly serving: Serving
  /** of all processes together */
  readonly total: Counters
  readonly notices: Notices<Told>
  readonly ownNotices: Notices<Told>
  readonly handler: Handler | undefined
  readonly report: (signal: Connector.Signal) => void
  /** has a check made of the process, which somebody waited for in vain */
  readonly suspect: (channel: Channel, lose: (reason: string) => void) => void
  readonly warn: (message: string) => void
}
