/** A small engine inside of the program, for tests and for those who have no other one. It speaks Docker's API on a Unix socket. */
import { Data, Effect, type Scope } from "effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import type { LogStream } from "../docker/frames.ts"
import type { Nanos } from "../docker/timestamp.ts"
import * as Api from "./api.ts"
import { EmbeddedContainer, type Given } from "./container.ts"
import type { Cut } from "./sending.ts"

export class EngineNotStarted extends Data.TaggedError("EngineNotStarted")<{ readonly cause: unknown }> {}

export interface Options {
  readonly version?: { readonly min: string; readonly max: string } | undefined
  /** cuts what is sent into pieces */
  readonly cut?: Cut | undefined
  /** the time of what happens; by default now */
  readonly now?: (() => Nanos) | undefined
}

export interface EmbeddedEngine {
  readonly socketPath: string
  /** Makes a container and starts it. */
  readonly run: (given: Given) => EmbeddedContainer
  readonly start: (container: EmbeddedContainer, exitCode?: number) => void
  readonly stop: (container: EmbeddedContainer, exitCode?: number) => void
  readonly remove: (container: EmbeddedContainer) => void
  readonly write: (container: EmbeddedContainer, stream: LogStream, text: string, at?: Nanos) => void
  /** Ends all streams as other engines do when they stop, without an error, and listens no more. Containers go on. */
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void, EngineNotStarted>
  /** Cuts all connections in the middle of whatever they carry. */
  readonly sever: Effect.Effect<void>
  /** connections that are open, and those that were ever accepted, as the engine sees them */
  readonly open: () => number
  readonly accepted: () => number
  /** paths that were asked for */
  readonly requests: ReadonlyArray<string>
}

/** Wall time with the digits that it lacks, and never the same twice. */
const clock = (): () => Nanos => {
  let last = 0n
  const start = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint()
  return () => {
    const now = start + process.hrtime.bigint()
    last = now > last ? now : last + 1n
    return last
  }
}

/** Runs until the scope closes. */
export const make = (options: Options = {}): Effect.Effect<EmbeddedEngine, EngineNotStarted, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "engine-"))),
      (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
    )
    const socketPath = Path.join(folder, "docker.sock")
    const now = options.now ?? clock()
    const containers = new Map<string, EmbeddedContainer>()
    const events: Array<Api.Happened> = []
    const listeners = new Set<() => void>()
    const sockets = new Set<Net.Socket>()
    const requests: Array<string> = []
    let accepted = 0
    let closing = false

    const happened = (action: string, container: EmbeddedContainer): void => {
      events.push({ action, container, at: now() })
      for (const changed of listeners) changed()
    }
    const start = (container: EmbeddedContainer): void => {
      container.running = true
      container.startedAt = now()
      happened("start", container)
    }
    const stop = (container: EmbeddedContainer, exitCode = 0): void => {
      container.running = false
      container.exitCode = exitCode
      container.finishedAt = now()
      container.tell()
      happened("die", container)
    }
    const remove = (container: EmbeddedContainer): void => {
      if (container.running) stop(container, 137)
      containers.delete(container.id)
      happened("destroy", container)
    }
    const engine: Api.Engine = {
      version: options.version ?? { min: "1.24", max: "1.43" },
      containers,
      events,
      cut: options.cut ?? ((bytes) => [bytes]),
      isClosing: () => closing,
      start,
      stop,
      remove,
      listen: (changed) => {
        listeners.add(changed)
        return () => listeners.delete(changed)
      }
    }

    const server = Http.createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`)
      Api.answer(engine, request, response)
    }).on("connection", (socket: Net.Socket) => {
      accepted += 1
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    // It closes nothing by itself, so whatever is open was left open by its client.
    server.keepAliveTimeout = 0
    const up = Effect.async<void, EngineNotStarted>((resume) => {
      closing = false
      const failed = (cause: unknown) => resume(Effect.fail(new EngineNotStarted({ cause })))
      server.once("error", failed)
      server.listen(socketPath, () => {
        server.off("error", failed)
        resume(Effect.void)
      })
    })
    const sever = Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
    const down = Effect.async<void>((resume) => {
      closing = true
      server.close(() => resume(Effect.void))
      for (const container of containers.values()) container.tell()
      for (const changed of listeners) changed()
      // what has ended by now has been sent; others are idle, or have nobody who reads them
      setImmediate(() => setImmediate(() => sockets.forEach((socket) => socket.destroySoon())))
    })
    yield* Effect.acquireRelease(up, () =>
      Effect.zipRight(
        sever,
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
        })
      ))

    return {
      socketPath,
      run: (given) => {
        const container = new EmbeddedContainer(Crypto.randomBytes(32).toString("hex"), given)
        containers.set(container.id, container)
        start(container)
        return container
      },
      start,
      stop,
      remove,
      write: (container, stream, text, at) => container.write(stream, text, at ?? now()),
      down,
      up,
      sever,
      open: () => sockets.size,
      accepted: () => accepted,
      requests
    }
  })
