/** What the broker looks like at this moment: numbers and names alone, so that anybody on the machine may ask. */
import type { Broker } from "./broker.ts"

export interface Health {
  readonly status: "ok"
  readonly servers: ReadonlyArray<{
    readonly name: string
    readonly sharing: string
    readonly sessions: number
    readonly callsInFlight: number
    readonly processes: ReadonlyArray<number>
    /** processes started so far: more than there are means restarts */
    readonly started: number
  }>
}

export const healthOf = (broker: Broker): Health => {
  const running = broker.processes.running()
  const started = broker.processes.started()
  return {
    status: "ok",
    servers: broker.hubs().map(({ config, name, sessions }) => ({
      name,
      sharing: config.watertight.sharing,
      sessions: sessions.size,
      callsInFlight: Array.from(sessions).reduce((sum, { calls }) => sum + calls.size, 0),
      processes: running.filter(({ server }) => server === name).map(({ pid }) => pid),
      started: started.get(name) ?? 0
    }))
  }
}
