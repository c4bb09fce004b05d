import { Effect, type Scope } from "effect"
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import type { Certificate } from "../h2/certificate.ts"
import type { Options } from "./clients/client.ts"
import type { Done, Reply, Task } from "./protocol.ts"
import type { Ports } from "./server/main.ts"

/** A process that takes tasks, one at a time, and ends with its scope. */
export interface Remote {
  readonly perform: (task: Task) => Effect.Effect<Done>
}

type Child = ChildProcessByStdio<Writable, Readable, null>

/** The next thing that a process says; what it says before anybody asks is kept. It fails when the process is gone. */
const repliesOf = (name: string, child: Child): Effect.Effect<unknown> => {
  const early: Array<Reply<unknown>> = []
  let waiting: ((reply: Reply<unknown>) => void) | undefined
  const give = (reply: Reply<unknown>): void => {
    if (waiting === undefined) early.push(reply)
    else waiting(reply)
    waiting = undefined
  }
  const end = (message: string): void => give({ ok: false, message })
  createInterface({ input: child.stdout }).on("line", (line) => give(JSON.parse(line) as Reply<unknown>))
  child.stdin.on("error", () => undefined)
  child.once("error", (error) => end(error.message))
  child.once("exit", (code, signal) => end(`ended early (${code ?? signal})`))
  return Effect.async<unknown>((resume) => {
    const take = (reply: Reply<unknown>): void =>
      resume(reply.ok ? Effect.succeed(reply.value) : Effect.dieMessage(`${name}: ${reply.message}`))
    const first = early.shift()
    if (first === undefined) waiting = take
    else take(first)
  })
}

/** Runs a command that speaks the protocol; what it says on stderr is shown. */
const start = (
  name: string,
  command: string,
  args: ReadonlyArray<string>
): Effect.Effect<Remote & { readonly ready: unknown }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })),
      (running) => Effect.sync(() => running.kill())
    )
    const next = repliesOf(name, child)
    const ready = yield* next
    const perform = (task: Task): Effect.Effect<Done> =>
      Effect.suspend(() => {
        child.stdin.write(`${JSON.stringify(task)}\n`)
        // Our own processes answer a task with nothing else.
        return next as Effect.Effect<Done>
      })
    return { ready, perform }
  })

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Without any flag of V8's: its users have none. */
export const startNodeClient = (name: string, options: Options): Effect.Effect<Remote, never, Scope.Scope> =>
  start(name, process.execPath, [fileOf("./clients/main.js"), name, JSON.stringify(options)])

export const startGoClient = (binary: string, options: Options): Effect.Effect<Remote, never, Scope.Scope> =>
  start("Go", binary, [String(options.connections)])

export interface TestServer extends Remote {
  readonly ports: Ports
}

export const startServer: Effect.Effect<TestServer, never, Scope.Scope> = Effect.map(
  start("server", process.execPath, [fileOf("./server/main.js")]),
  // It is the first thing that the server says.
  ({ perform, ready }) => ({ perform, ports: ready as Ports })
)

/** The server of HTTP/2, and where it listens. */
export const startHttp2Server = (
  certificate: Certificate
): Effect.Effect<Remote & { readonly port: number }, never, Scope.Scope> =>
  Effect.map(
    start("server of HTTP/2", process.execPath, [fileOf("../h2/server.js"), JSON.stringify(certificate)]),
    // It is the first thing that the server says.
    ({ perform, ready }) => ({ perform, port: ready as number })
  )
