/** Pools of real processes, under the real clock. */
import { NodeContext } from "@effect/platform-node"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { StdioPool, StdioServer } from "../../src/index.ts"
import type { PoolOptions, Service } from "../../src/StdioPool.ts"
import * as Census from "./census.ts"

const fixture = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Our own server, with its habits, under a mark. */
export const own = (mark: string, ...habits: ReadonlyArray<string>): StdioServer.StdioServer =>
  StdioServer.make({
    name: "own",
    command: process.execPath,
    args: [fixture("server.mjs"), ...habits],
    env: { [Census.markName]: mark }
  })

/** A server that costs next to nothing to start. */
export const quick = (mark: string): StdioServer.StdioServer =>
  StdioServer.make({ name: "quick", command: "/bin/sh", args: [fixture("echo.sh")], env: { [Census.markName]: mark } })

/** The official one that shows everything. */
export const everything = (mark: string): StdioServer.StdioServer =>
  StdioServer.make({
    name: "everything",
    command: process.execPath,
    args: [createRequire(import.meta.url).resolve("@modelcontextprotocol/server-everything/dist/index.js"), "stdio"],
    env: { [Census.markName]: mark }
  })

/** Runs a program on a pool of its own, and sees to it that nothing is left of it: no process, no zombie, no descriptor. */
export const onPool = <A, E>(
  options: PoolOptions,
  program: (pool: Service, mark: string) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, unknown> =>
  Effect.gen(function*() {
    const mark = Census.mark()
    const before = Census.available ? Census.descriptors() : 0
    const result = yield* Effect.scoped(Effect.gen(function*() {
      const pool = yield* StdioPool.make({ checkInvariants: true, ...options })
      return yield* Effect.scoped(program(pool, mark))
    })).pipe(Effect.provide(NodeContext.layer))
    if (Census.available) {
      yield* Census.nobodyLeft(mark)
      yield* Census.until(
        () => `${Census.descriptors()} descriptors, ${before} before`,
        () => Census.descriptors() <= before
      )
    }
    return result
  })
