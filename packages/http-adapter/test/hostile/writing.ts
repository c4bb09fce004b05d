/** Ends a connection around the very moment in which a request is written: no wait could hit it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Channel from "node:diagnostics_channel"
import type { End } from "../parts/tcp/faults.ts"
import type { Connection } from "../parts/tcp/peer.ts"
import type { Outcome, Rig } from "./rig.ts"

// undici tells of every head that it is about to write.
const heads = "undici:client:sendHeaders"
// And of every request that it is given.
const requests = "undici:request:create"

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

/**
 * Cuts the connection of every attempt of a request when it is handed over, before a byte of it is written, and counts the attempts.
 * To be used with a path that no other request has.
 */
export const cutsAttempts = (
  rig: Rig,
  path: string
): Effect.Effect<{ readonly attempts: () => number }, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        let attempts = 0
        // What undici tells is an object with its request.
        const onCreate = (message: unknown): void => {
          const { request } = message as { readonly request: { readonly path: string } }
          if (request.path !== path) return
          attempts++
          for (const client of rig.clients()) client.destroy()
        }
        Channel.subscribe(requests, onCreate)
        return { attempts: () => attempts, onCreate }
      }),
      ({ onCreate }) => Effect.sync(() => Channel.unsubscribe(requests, onCreate))
    ),
    ({ attempts }) => ({ attempts })
  )
