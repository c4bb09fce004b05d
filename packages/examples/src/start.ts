/** `npm start`: the pool at work, in a few seconds. Exits with 1 if a socket is left open. */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Data, Effect } from "effect"
import { overScript } from "./tour/overScript.ts"
import { overSockets } from "./tour/overSockets.ts"
import type { Say } from "./tour/part.ts"

class LeftOver extends Data.TaggedError("LeftOver")<{ readonly sockets: number }> {
  override get message(): string {
    return `${this.sockets} sockets are still open`
  }
}

const json = process.argv.includes("--json")
const say: Say = (line) => json ? Effect.void : Console.log(line)

const tour = Effect.gen(function*() {
  const http = yield* overSockets(say)
  yield* say("")
  const scripted = yield* overScript(say)
  const parts = [http, scripted]
  const sockets = parts.reduce((sum, { left }) => sum + left.sockets, 0)
  if (json) yield* Console.log(JSON.stringify({ parts, left: { sockets } }))
  if (sockets > 0) return yield* new LeftOver({ sockets })
})

// Standard output may be a document.
const complain = (cause: Cause.Cause<unknown>) => Console.error(Cause.pretty(cause))

NodeRuntime.runMain(Effect.tapErrorCause(tour, complain), { disableErrorReporting: true })
