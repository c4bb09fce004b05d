/** Ends a connection around the very moment in which a request is written: no wait could hit it. */
import * as Effect from "effect/Effect"
import * as Channel from "node:diagnostics_channel"
import type { End } from "../parts/tcp/faults.ts"
import type { Connection } from "../parts/tcp/peer.ts"
import type { Outcome, Rig } from "./rig.ts"

// undici tells of every head that it is about to write.
const heads = "undici:client:sendHeaders"

const close = (connection: Connection | undefined, how: End): void => {
  if (how === "reset") connection?.socket.resetAndDestroy()
  else connection?.socket.destroy()
}

/**
 * Sends a request whose connection the peer ends: before it is written, so that the client can still notice, or in the step in which
 * it is, so that it cannot. `always` does so to every attempt.
 */
export const asWritten = (
  rig: Rig,
  send: Effect.Effect<Outcome>,
  stage: "unwritten" | "unread",
  how: End,
  always: boolean
): Effect.Effect<Outcome> =>
  stage === "unwritten"
    // Both in one turn of the loop: the request is on its way before the client can see the end.
    ? Effect.flatten(Effect.async<Effect.Effect<Outcome>>((resume) => {
      setTimeout(() => {
        close(rig.peer.connections.at(-1), how)
        resume(Effect.succeed(send))
      })
    }))
    : Effect.acquireUseRelease(
      Effect.sync(() => {
        let ended = 0
        const onHead = (): void => {
          if (ended++ > 0 && !always) return
          // A new connection may be open on the client's side only, so far: it ends as soon as it is accepted.
          const isOpen = rig.peer.connections.some(({ socket }) => !socket.destroyed)
          if (isOpen) close(rig.peer.connections.at(-1), how)
          else rig.peer.become({ onConnect: (connection) => close(connection, how) })
        }
        Channel.subscribe(heads, onHead)
        return onHead
      }),
      () => send,
      (onHead) => Effect.sync(() => Channel.unsubscribe(heads, onHead))
    )
