/** The executor that the pool starts its processes by: the platform's, with a book of those that run, which the watchdog has as well. */
import { CommandExecutor } from "@effect/platform"
import type { Command } from "@effect/platform"
import { Clock, Effect, HashMap, Option } from "effect"
import { serverVariable } from "./servers.ts"
import type { Watchdog } from "./watchdog.ts"

/** One process at this moment. */
export interface Running {
  readonly pid: number
  /** the name of its server in the settings */
  readonly server: string
  /** milliseconds of the clock */
  readonly startedAt: number
}

export interface Book {
  readonly executor: CommandExecutor.CommandExecutor
  readonly running: () => ReadonlyArray<Running>
  /** how many were started of each server */
  readonly started: () => ReadonlyMap<string, number>
}

export const make = (watchdog: Watchdog): Effect.Effect<Book, never, CommandExecutor.CommandExecutor> =>
  Effect.map(CommandExecutor.CommandExecutor, (platform) => {
    const running = new Map<number, Running>()
    const started = new Map<string, number>()
    const start: CommandExecutor.CommandExecutor["start"] = (command) =>
      Effect.suspend(() => {
        let pid: number | undefined
        const server = serverOf(command)
        // It runs last: whatever ends the process has done so by then.
        return Effect.addFinalizer(() =>
          Effect.sync(() => {
            if (pid === undefined) return
            running.delete(pid)
            watchdog.forget(pid)
          })
        ).pipe(
          Effect.zipRight(platform.start(command)),
          Effect.zip(Clock.currentTimeMillis),
          Effect.map(([process, startedAt]) => {
            pid = process.pid
            watchdog.watch(process.pid)
            running.set(process.pid, { pid: process.pid, server, startedAt })
            started.set(server, (started.get(server) ?? 0) + 1)
            return process
          })
        )
      })
    return {
      executor: CommandExecutor.makeExecutor(start),
      running: () => [...running.values()],
      started: () => started
    }
  })

const serverOf = (command: Command.Command): string =>
  command._tag === "StandardCommand" ? Option.getOrElse(HashMap.get(command.env, serverVariable), () => "") : ""
