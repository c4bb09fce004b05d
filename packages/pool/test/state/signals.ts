/** What a connection says about itself, in the books and in the state. */
import { Signal } from "../../src/Connector.ts"
import * as Transitions from "../../src/internal/state/transitions.ts"
import type { Socket } from "./books.ts"
import { expect } from "./books.ts"
import type { World } from "./world.ts"

const signals: ReadonlyArray<(now: number) => Signal> = [
  () => Signal.Closed({ reason: "ECONNRESET" }),
  () => Signal.Draining(),
  () => Signal.Retire({ reason: "rotated" }),
  ...[2, 10, 1, 3.5, Infinity, Number.NaN, 0, -1].map((leases) => () => Signal.Capacity({ leases })),
  ...[10, 1_000, -1, Number.NaN, Infinity].map((after) => (now: number) => Signal.ExpiresAt({ millis: now + after }))
]

/** How many leases the next connection is expected to carry. However many: none of nothing is still nothing. */
export const reachOf = (capacity: number): number => Math.min(1_000_000, Math.max(1, capacity))

export const tell = (world: World, socket: Socket, how: number): void => {
  const signal = signals[how % signals.length]?.(world.now) ?? Signal.Draining()
  const { book, member, where } = socket
  const alive = where === "open" || where === "connecting"
  if (signal._tag === "Closed" && alive) socket.reasons.add("peer")
  if (signal._tag === "Draining" && alive) socket.reasons.add(where === "connecting" ? "peer" : "retired")
  if (signal._tag === "Retire" && alive) socket.reasons.add("retired")
  if (signal._tag === "ExpiresAt" && !Number.isNaN(signal.millis)) {
    // the state may have found it over already, and then its end stands
    if (socket.pastItsTime(world.now)) socket.usedUp = true
    socket.peerEndsAt = signal.millis
  }
  if (signal._tag === "Capacity" && !Number.isNaN(signal.leases)) {
    socket.capacity = Math.max(0, Math.floor(signal.leases))
    if (where === "open") {
      book.reach = reachOf(socket.capacity)
      if (socket.capacity === 0) socket.reasons.add("retired")
    }
  }
  const reason = signal._tag === "Closed" ? "peer" : undefined
  world.step(
    book,
    { kind: "signal", socket, reason },
    (state, now, out) => Transitions.signal(state, member, signal, now, out)
  )
  expect(signal._tag !== "Closed" || !["open", "idle"].includes(socket.where), `P3: ${book.name}: closed, but kept`)
}
