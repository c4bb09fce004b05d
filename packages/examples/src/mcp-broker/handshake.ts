/** The answer to `initialize`, from what a process has answered to the broker's own. PURE. */
import { Protocol } from "@watertight/stdio-adapter"
import { Predicate } from "effect"
import { field } from "./messages.ts"

/**
 * The client's version where it is known and no newer than the process's, else the process's. Versions are dates, so that the older one
 * is the smaller one.
 */
export const versionFor = (asked: unknown, spoken: string): string =>
  Protocol.mcpVersions.some((version) => version === asked) && typeof asked === "string" && asked < spoken
    ? asked
    : spoken

/** The capability that a request of a server needs of its client, if it needs one. */
export const capabilityOf = (method: string): string | undefined =>
  method === "roots/list"
    ? "roots"
    : method === "sampling/createMessage"
    ? "sampling"
    : method === "elicitation/create"
    ? "elicitation"
    : undefined

/** What a client is told of the server. Tasks belong to whoever made them, which cannot be seen where a process is shared. */
export const initialized = (ready: unknown, asked: unknown, shared: boolean): unknown => {
  if (!Predicate.isReadonlyRecord(ready)) return ready
  const spoken = String(ready["protocolVersion"])
  const { tasks: _, ...others } = Predicate.isReadonlyRecord(ready["capabilities"]) ? ready["capabilities"] : {}
  return {
    ...ready,
    protocolVersion: versionFor(field(asked, "protocolVersion"), spoken),
    capabilities: shared ? others : ready["capabilities"]
  }
}

/** The levels of the logs of MCP, from the least to the worst. */
const levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

/** What is told to those who have not said what they want to hear. */
const usual = "info"

export const isLevel = (level: unknown): level is string => typeof level === "string" && levels.includes(level)

export const isHeard = (message: unknown, level: string | undefined): boolean =>
  levels.indexOf(String(message)) >= levels.indexOf(level ?? usual)

/** The level at which a process has to speak so that everybody hears what they asked for. */
export const lowest = (wanted: Iterable<string | undefined>): string | undefined => {
  const given = [...wanted]
  if (given.every((level) => level === undefined)) return undefined
  return levels[Math.min(...given.map((level) => levels.indexOf(level ?? usual)))]
}
