/** Looks at something in every turn of the event loop, and whenever a socket of a client has just been connected or closed. */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type * as Net from "node:net"

const isSocket = (message: unknown): message is { readonly socket: Net.Socket } =>
  typeof message === "object" && message !== null && "socket" in message

/** Until the scope ends. What `look` dies of is thrown when it does; it tells how often was looked. */
export const watch = (look: Effect.Effect<void>): Effect.Effect<() => number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(Effect.runtime(), (runtime) => {
      let looks = 0
      let failure: { readonly error: unknown } | undefined
      const once = (): void => {
        looks++
        try {
          Runtime.runSync(runtime)(look)
        } catch (error) {
          failure ??= { error }
        }
      }
      // However short a socket lives: it is counted when it has just been connected, and when it has just been closed.
      const onSocket = (message: unknown): void => {
        if (isSocket(message)) message.socket.once("connect", once).once("close", once)
      }
      subscribe("net.client.socket", onSocket)
      let next = setImmediate(function again() {
        once()
        next = setImmediate(again)
      })
      return {
        looks: () => looks,
        end: () => {
          clearImmediate(next)
          unsubscribe("net.client.socket", onSocket)
          if (failure !== undefined) throw failure.error
        }
      }
    }),
    ({ end }) => Effect.sync(end)
  ).pipe(Effect.map(({ looks }) => looks))
