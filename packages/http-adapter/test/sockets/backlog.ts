/** A port where connections hang: its server is stopped, and the kernel has accepted for it all that it may. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { untilEqual } from "../parts/waiting.ts"
import * as Remote from "./remote.ts"

// The kernel admits one more than the backlog says.
const backlog = 1

/** The port. Its sockets in this process are there from the beginning to the end. */
export const fill: Effect.Effect<number, never, Scope.Scope> = Effect.gen(function*() {
  const remote = yield* Remote.start({ backlog })
  yield* remote.stop
  let connected = 0
  for (let n = 0; n <= backlog; n++) {
    yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect({ host: "127.0.0.1", port: remote.port }, () => connected++).on("error", () => {})),
      (socket) => Effect.sync(() => socket.destroy())
    )
  }
  yield* untilEqual("connections in the backlog", Effect.sync(() => connected), backlog + 1)
  return remote.port
})
