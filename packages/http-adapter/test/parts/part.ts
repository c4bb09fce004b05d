/** A real server as a scoped effect: its folder, its ports, its process, and the moment from which it answers. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { find } from "./programs.ts"
import { until } from "./waiting.ts"

/** A part that could not be started, with all that it wrote. */
export class PartFailed extends Data.TaggedError("PartFailed")<{
  readonly part: string
  readonly reason: string
  readonly output: string
}> {
  override get message(): string {
    return `${this.part}: ${this.reason}${this.output === "" ? "" : `\n${this.output}`}`
  }
}

/** A started server. */
export interface Part {
  readonly pid: number
  /** all it wrote to its two outputs so far */
  readonly output: () => string
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** has its process ended? */
  readonly ended: () => boolean
}

/** A fresh folder, gone with the scope. Servers that give up the rights of root can still read it. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const made = Fs.mkdtempSync(Path.join(Os.tmpdir(), "part-"))
    Fs.chmodSync(made, 0o755)
    return made
  }),
  (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
)

const bindable = (port: number): Effect.Effect<boolean> =>
  Effect.async<boolean>((resume) => {
    const server = Net.createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

// Below the range from which systems choose the ports of outgoing connections, and a part of it for each test process: two that
// start at the same time do not choose the same port.
const portsOfProcess = 50
const firstPort = 20_000 + (process.pid % 240) * portsOfProcess
let tried = 0

/** A port of 127.0.0.1 that nobody listens on. */
export const freePort: Effect.Effect<number> = Effect.suspend(() => {
  const port = firstPort + tried++ % portsOfProcess
  return Effect.flatMap(bindable(port), (free) => free ? Effect.succeed(port) : freePort)
})

const running = new Set<ChildProcess>()
// A test run that is broken off must not leave servers behind.
process.once("exit", () => running.forEach((child) => child.kill("SIGTERM")))

const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

// Two waits and no race: a finalizer cannot be interrupted, and so could not end the loser.
const end = (child: ChildProcess, patienceMillis: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (hasEnded(child)) return
    const awaitEnd = (limit?: number) => until("its process ends", Effect.sync(() => hasEnded(child)), limit)
    child.kill("SIGCONT")
    child.kill("SIGTERM")
    yield* Effect.catchAllDefect(awaitEnd(patienceMillis), () => {
      child.kill("SIGKILL")
      return awaitEnd()
    })
  }).pipe(Effect.ensuring(Effect.sync(() => running.delete(child))))

/** How to start a server. `ready` is asked until it says true; it fails like false. */
export interface Options {
  readonly program: string
  readonly arguments: ReadonlyArray<string>
  readonly folder: string
  readonly ready: Effect.Effect<boolean, unknown>
  /** how long it may take to end before it is killed */
  readonly patienceMillis?: number
}

/** Starts a process and waits until it is ready. When the scope closes it is ended, and its end awaited. */
export const start = (options: Options): Effect.Effect<Part, PartFailed, Scope.Scope> =>
  Effect.gen(function*() {
    const { program } = options
    const path = find(program)
    if (path === undefined) {
      return yield* new PartFailed({ part: program, reason: "it is not installed", output: "" })
    }
    // Into a file and not through pipes: those are sockets of this process, which the tests count.
    const log = Path.join(options.folder, `${program}.out`)
    const output = () => Fs.readFileSync(log, "utf8").trim()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const file = Fs.openSync(log, "a")
        const made = spawn(path, options.arguments, { cwd: options.folder, stdio: ["ignore", file, file] })
        Fs.closeSync(file)
        made.once("error", (error) => Fs.appendFileSync(log, String(error)))
        running.add(made)
        return made
      }),
      (made) => end(made, options.patienceMillis ?? 10_000)
    )
    const answers = Effect.orElseSucceed(options.ready, () => false)
    yield* until("it is ready", Effect.map(answers, (ready) => ready || hasEnded(child))).pipe(
      Effect.catchAllDefect((defect) =>
        new PartFailed({ part: program, reason: `it does not answer (${String(defect)})`, output: output() })
      )
    )
    if (hasEnded(child) || child.pid === undefined) {
      const how = child.signalCode ?? child.exitCode ?? "no process"
      return yield* new PartFailed({ part: program, reason: `it ended at once (${how})`, output: output() })
    }
    const signal = (name: NodeJS.Signals) => Effect.sync(() => void child.kill(name))
    return { pid: child.pid, output, signal, ended: () => hasEnded(child) }
  })

/** Another process may take a port between the look and the start: such a start is tried again, with other ports. */
export const retryPorts = <A, R>(starting: Effect.Effect<A, PartFailed, R>): Effect.Effect<A, PartFailed, R> =>
  Effect.retry(starting, {
    schedule: Schedule.recurs(3),
    while: (failure) => /address already in use|cannot bind|could not bind/iu.test(failure.output)
  })

/** Does somebody accept connections there? */
export const accepts = (to: Net.NetConnectOpts): Effect.Effect<boolean> =>
  Effect.async<boolean>((resume) => {
    const socket = Net.connect(to)
    socket.once("connect", () => resume(Effect.as(Effect.sync(() => socket.destroy()), true)))
    socket.once("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => socket.destroy())
  })

/** Root's own servers are told to stay root, since they would leave for a user who cannot read the folder. */
export const isRoot: boolean = process.getuid?.() === 0
