import { MutableHashMap } from "effect"
import type { ConnectionPool } from "../../../src/ConnectionPool.ts"
import { broken } from "../../../src/internal/invariants.ts"
import { coreOf } from "../../../src/internal/pool.ts"
import type { Sim } from "../simulator.ts"
import type { Refused } from "./simConnector.ts"
import type { SimConnection, World } from "./world.ts"

export type SimPool = ConnectionPool<string, SimConnection, Refused>

/**
 * Watches a pool from two sides after every step: its own state by the invariants, and the sockets that the network
 * really sees. What the pool believes and what the network counted must agree.
 */
export const watchPool = (sim: Sim, world: World, pool: SimPool, limits: { readonly perHost: number }): void => {
  const core = coreOf(pool)
  const seen = new Set<unknown>()
  sim.onStep(() => {
    const faults = broken(core)
    if (faults.length > 0) sim.fail(faults.join("; "))
    for (const host of MutableHashMap.values(core.hosts)) {
      const { connectingNow, openNow, closingNow } = world.counts(host.key)
      const sockets = connectingNow + openNow + closingNow
      // A close that was given up frees its permit although its socket is still there: that is what giving up means.
      const allowed = limits.perHost + host.state.abandoned.size
      if (sockets > allowed) sim.fail(`P1: ${sockets} sockets of ${host.label}, ${allowed} allowed`)
      for (const lease of host.leases) {
        if (seen.has(lease)) continue
        seen.add(lease)
        const { overSinceStep, phase, checksRunning } = lease.connection
        const name = `${lease.connection.address}#${lease.connection.id}`
        if (overSinceStep !== undefined && overSinceStep < sim.step) sim.fail(`I6: ${name} is lent after its end`)
        if (phase !== "open") sim.fail(`I6: ${name} is lent while ${phase}`)
        if (checksRunning > 0 && lease.source.leases === 1) sim.fail(`I6: ${name} is lent while it is checked`)
      }
    }
  })
}
