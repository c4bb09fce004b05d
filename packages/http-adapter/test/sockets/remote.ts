/**
 * A server in a process of its own: the sockets of this process are those of the client alone, what the server does takes nothing from
 * it, and the server can be stopped.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { until, untilEqual } from "../parts/waiting.ts"
import type { Counts, Options } from "./remote/server.ts"

export interface Remote {
  readonly port: number
  readonly origin: string
  /** asked on a channel that is no connection of the server's; there is no answer while it is stopped */
  readonly counts: Effect.Effect<Counts>
  /** It reads the bodies that it has not read so far. */
  readonly readOn: Effect.Effect<void>
  readonly awaitOpen: (expected: number) => Effect.Effect<void>
  /** From now on the kernel accepts for it, up to its backlog, and nobody answers. */
  readonly stop: Effect.Effect<void>
  readonly goOn: Effect.Effect<void>
}

/** The letter behind the name of the program, which stands in brackets. */
const isStopped = ({ pid }: ChildProcess): Effect.Effect<boolean> =>
  Effect.sync(() => /\) T /u.test(Fs.readFileSync(`/proc/${pid}/stat`, "utf8")))

const file = fileURLToPath(new URL("remote/server.ts", import.meta.url))

const running = new Set<ChildProcess>()
// One that is stopped would not notice that the test has gone.
process.once("exit", () => running.forEach((child) => child.kill("SIGKILL")))

/** Starts a server, which ends with the scope. */
export const start = (options: Options = {}): Effect.Effect<Remote, never, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const made = fork(file, [JSON.stringify(options)], {
          execArgv: ["--import", "tsx"],
          stdio: ["ignore", 2, 2, "ipc"]
        })
        running.add(made)
        return made
      }),
      (made) =>
        Effect.promise(async () => {
          running.delete(made)
          const closed = made.connected ? once(made, "disconnect") : undefined
          if (made.exitCode === null && made.signalCode === null) {
            made.kill("SIGKILL")
            await once(made, "exit")
          }
          // The channel is a socket of this process.
          await closed
        })
    )
    /** the next message; its sender is `server.ts`, whose types these are */
    const message = <A>() => Effect.promise(async () => (await once(child, "message"))[0] as A)
    const { port } = yield* message<{ readonly port: number }>()
    const turns = yield* Effect.makeSemaphore(1)
    const counts = Effect.zipRight(Effect.sync(() => child.send("counts")), message<Counts>()).pipe(
      turns.withPermits(1)
    )
    return {
      port,
      origin: `http://${options.host ?? "127.0.0.1"}:${port}`,
      counts,
      readOn: Effect.sync(() => child.send("read on")),
      awaitOpen: (expected) =>
        untilEqual("open connections on the server's side", Effect.map(counts, ({ open }) => open), expected),
      stop: Effect.zipRight(Effect.sync(() => child.kill("SIGSTOP")), until("the server is stopped", isStopped(child))),
      goOn: Effect.sync(() => void child.kill("SIGCONT"))
    }
  })
