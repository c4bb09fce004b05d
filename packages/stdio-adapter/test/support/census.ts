/** The processes of this machine that a test has started, by a mark in their environment; and what this process holds itself. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { setTimeout } from "node:timers/promises"

/** False where the kernel does not show its processes as files. */
export const available: boolean = Fs.existsSync("/proc/self/environ")

export const markName = "WATERTIGHT_TEST_MARK"

let marks = 0

/** A mark that nobody else has. */
export const mark = (): string => `${process.pid}-${++marks}-${Math.random()}`

const pids = (): ReadonlyArray<string> => Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))

const readOf = (pid: string, file: string): string => {
  try {
    return Fs.readFileSync(`/proc/${pid}/${file}`, "latin1")
  } catch {
    return "" // it has ended meanwhile
  }
}

/** The processes with that mark, whoever started them. */
export const marked = (value: string): ReadonlyArray<number> =>
  pids().filter((pid) => readOf(pid, "environ").includes(`${markName}=${value}\0`)).map(Number)

/** Children of this process that have ended, and that nobody has asked how. */
const zombies = (): ReadonlyArray<number> =>
  pids().filter((pid) => {
    // the name, which may hold anything, is in parentheses
    const [state, parent] = readOf(pid, "stat").split(") ").at(-1)?.split(" ") ?? []
    return state === "Z" && Number(parent) === process.pid
  }).map(Number)

export const descriptors = (): number => Fs.readdirSync("/proc/self/fd").length

/** What a pool says at this very moment, for conditions that are polled. */
export const now = <A, E>(effect: Effect.Effect<A, E>): A => Effect.runSync(Effect.orDie(effect))

/** Waits for a condition in real time, and dies when it never holds. */
export const until = (what: () => string, holds: () => boolean, limitMillis = 15_000): Effect.Effect<void> =>
  Effect.promise(async () => {
    const deadline = performance.now() + limitMillis
    // oxlint-disable-next-line no-await-in-loop -- it is a wait
    while (!holds() && performance.now() < deadline) await setTimeout(5)
    if (!holds()) throw new Error(`never happened: ${what()}`)
  })

/** Waits until no process with that mark and no zombie is left. */
export const nobodyLeft = (value: string): Effect.Effect<void> =>
  until(
    () => `the end of ${marked(value).join(", ")}; zombies: ${zombies().join(", ")}`,
    () => marked(value).length === 0 && zombies().length === 0
  )
