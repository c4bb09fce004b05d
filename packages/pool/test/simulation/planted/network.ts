import { Effect } from "effect"
import type { Sim } from "../simulator.ts"

export interface Socket {
  readonly id: number
  readonly key: string
  open: boolean
  destroyed: boolean
}

const refusedProbability = 0.1
const connectMillisMax = 3

/** Sockets as a driver has them: made at once, connected by a later callback, and silent once destroyed. */
export class Network {
  readonly #sim: Sim
  #sockets = 0
  #open = 0

  constructor(sim: Sim) {
    this.#sim = sim
  }

  get openNow(): number {
    return this.#open
  }

  /** The handle exists before anything can fail, so that its owner can register the close first. */
  socket(key: string): Socket {
    return { id: ++this.#sockets, key, open: false, destroyed: false }
  }

  connect(socket: Socket): Effect.Effect<void, "refused"> {
    return Effect.async<void, "refused">((resume) => {
      const sim = this.#sim
      const refused = sim.faultRandom.chance(refusedProbability)
      const cancel = sim.clock.after(sim.workRandom.between(0, connectMillisMax), () => {
        if (socket.destroyed) return
        sim.log(`${refused ? "refused" : "open"} ${socket.key}/${socket.id}`)
        if (refused) return resume(Effect.fail("refused"))
        socket.open = true
        this.#open++
        resume(Effect.void)
      })
      return Effect.sync(() => {
        cancel()
        sim.log(`abort ${socket.key}/${socket.id}`)
      })
    })
  }

  close(socket: Socket): Effect.Effect<void> {
    return Effect.sync(() => {
      socket.destroyed = true
      if (!socket.open) return
      socket.open = false
      this.#open--
      this.#sim.log(`close ${socket.key}/${socket.id}`)
    })
  }
}
