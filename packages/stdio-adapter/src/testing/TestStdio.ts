/** An application's servers under `TestClock`: the real pool, and processes in memory at the other end of its pipes. */
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import { encode } from "../internal/messages.ts"
import { make as makePool, type PoolOptions, StdioPool } from "../StdioPool.ts"
import { nameOf } from "../StdioServer.ts"
import { type FakeProcess, startFailed } from "./process.ts"
import { FakeServer, type Fork, type TestServer } from "./server.ts"
import type { TestServers } from "./TestServers.ts"

/** Servers by the names of the application's `StdioServer`s. */
export type Servers = Readonly<Record<string, TestServer<never>>>

/**
 * A pool on servers in memory, for tests of programs that use a `StdioPool`. Limits, time limits, checks, replays, the end of
 * processes: all is as with real ones, except that time is the test's and that nothing is started. `initialize` and `ping` are
 * answered as MCP servers do; all else is the given function's. A server that is not listed cannot be started (`ENOENT`).
 *
 * @example
 * import { StdioPool, StdioServer } from "@watertight/stdio-adapter"
 * import { TestStdio } from "@watertight/stdio-adapter/testing"
 * import { Effect } from "effect"
 *
 * // the program
 * const weather = StdioServer.make({ name: "weather", command: "npx", args: ["weather-mcp"] })
 * const ask = Effect.flatMap(StdioPool.StdioPool, (pool) => pool.request(weather, "tools/call", { name: "today" }))
 *
 * // its test
 * export const test = ask.pipe(
 *   Effect.map((answer) => answer === "sunny"),
 *   Effect.provide(TestStdio.layer({ weather: () => Effect.succeed("sunny") }))
 * )
 */
export const layer = (servers: Servers, options?: PoolOptions): Layer.Layer<StdioPool> =>
  Layer.unwrapEffect(Effect.map(make(servers, options), (made) => made.layer))

/**
 * The same with a hold on the servers: their layer, and what a test wants to tell or ask them. A wrong option is a mistake in the
 * test, so the layer dies of it. Each layer built is a pool of its own, but the servers are the same. Of the options, `shutdownGrace`
 * is 0 if it is not given, since nobody turns the clock on when a test has ended.
 *
 * @example
 * import { StdioPool, StdioServer } from "@watertight/stdio-adapter"
 * import { TestStdio } from "@watertight/stdio-adapter/testing"
 * import { Effect, Fiber, TestClock } from "effect"
 *
 * const weather = StdioServer.make({ name: "weather", command: "weather-mcp" })
 *
 * export const test = Effect.gen(function*() {
 *   const servers = yield* TestStdio.make({ weather: () => Effect.succeed("sunny") }, { requestTimeout: "10 seconds" })
 *   const ask = Effect.flatMap(StdioPool.StdioPool, (pool) =>
 *     Effect.zipRight(
 *       Effect.zipRight(pool.ready(weather), servers.hang("weather", true)),
 *       pool.request(weather, "tools/call", { name: "today" })
 *     ))
 *   const fiber = yield* Effect.fork(Effect.flip(Effect.provide(ask, servers.layer)))
 *   yield* TestClock.adjust("10 seconds")
 *   const error = yield* Fiber.join(fiber)
 *   return error._tag === "RequestTimeout"
 * })
 */
export const make = (servers: Servers, options: PoolOptions = {}): Effect.Effect<TestServers> =>
  Effect.sync(() => {
    const all = new Map(Object.entries(servers).map(([label, handler]) => [label, new FakeServer(label, handler)]))
    return {
      layer: Layer.scoped(
        StdioPool,
        Effect.gen(function*() {
          // Made before the pool, so that it ends after it.
          const fork = yield* FiberSet.makeRuntime<never, void>()
          const started = new Set<FakeProcess>()
          const pool = yield* Effect.provideService(
            makePool({ shutdownGrace: 0, ...options }),
            CommandExecutor.CommandExecutor,
            executorOf(all, started, (work) => fork(work, { immediate: false }))
          )
          // Whatever they were told: when a test has ended, no time passes in which they could be made to end.
          yield* Effect.addFinalizer(() =>
            Effect.sync(() => {
              for (const process of started) process.exit("SIGKILL")
            })
          )
          return pool
        }).pipe(Effect.orDie)
      ),
      ...controls(all)
    }
  })

let pids = 1_000

const executorOf = (
  servers: ReadonlyMap<string, FakeServer>,
  started: Set<FakeProcess>,
  fork: Fork
): CommandExecutor.CommandExecutor =>
  CommandExecutor.makeExecutor((command) =>
    Effect.suspend(() => {
      const server = servers.get(nameOf(command) ?? "")
      if (server === undefined) return Effect.fail(startFailed("ENOENT"))
      if (server.startFails !== undefined) return Effect.fail(startFailed(server.startFails))
      return Effect.acquireRelease(
        Effect.tap(server.start(++pids, fork), (process) => started.add(process)),
        (process) =>
          Effect.sync(() => {
            process.exit("SIGTERM")
            started.delete(process)
          })
      )
    }).pipe(Effect.map((process) => process.seen))
  )

const controls = (servers: ReadonlyMap<string, FakeServer>): Omit<TestServers, "layer"> => {
  const named = (name: string): FakeServer => {
    const server = servers.get(name)
    if (server === undefined) throw new Error(`no server "${name}"; there are: ${[...servers.keys()].join(", ")}`)
    return server
  }
  // each of these is one synchronous step
  const set = <A>(change: (server: FakeServer, value: A) => void) => (name: string, value: A): Effect.Effect<void> =>
    Effect.sync(() => change(named(name), value))
  const get = <A>(look: (server: FakeServer) => A) => (name: string): Effect.Effect<A> =>
    Effect.sync(() => look(named(name)))
  return {
    failStart: set((server, code: string | undefined) => {
      server.startFails = code
    }),
    delay: set((server, delay: Duration.DurationInput) => {
      server.delay = Duration.decode(delay)
    }),
    hang: set((server, hanging: boolean) => {
      if (hanging) server.attending.unsafeClose()
      else server.attending.unsafeOpen()
    }),
    stopReading: set((server, stopped: boolean) => {
      if (stopped) server.reading.unsafeClose()
      else server.reading.unsafeOpen()
    }),
    dieAtRequest: set((server, requests: number) => {
      server.dies = requests
    }),
    say: set((server, line: string | Uint8Array) => {
      for (const process of server.running) {
        process.say(line)
        process.say("\n")
      }
    }),
    sayOnStderr: set((server, text: string) => {
      for (const process of server.running) process.sayOnStderr(text)
    }),
    notify: (name, method, params) =>
      Effect.sync(() => {
        for (const process of named(name).running) {
          process.say(encode({ method, params }))
          process.say("\n")
        }
      }),
    exit: set((server, how: number | "SIGKILL" | "SIGSEGV" | "SIGTERM") => {
      for (const process of server.running) process.exit(how)
    }),
    closeStdout: get((server) => {
      for (const process of server.running) process.closeStdout()
    }),
    closeStdin: get((server) => {
      for (const process of server.running) process.stdinClosed = true
    }),
    ignoreEnd: set((server, ignoring: boolean) => {
      server.ignoresEnd = ignoring
    }),
    ignoreTerm: set((server, ignoring: boolean) => {
      server.ignoresTerm = ignoring
    }),
    requests: get((server) => [...server.requests]),
    notifications: get((server) => [...server.notifications]),
    pings: get((server) => server.pings),
    signals: get((server) => [...server.signals]),
    started: get((server) => server.started),
    running: get((server) => server.running.size),
    peak: get((server) => server.peak)
  }
}
