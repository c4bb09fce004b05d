/** The processes of this machine with a mark in their environment, and what this process holds itself. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { setTimeout } from "node:timers/promises"

/** False where the kernel does not show its processes as files. */
export const available: boolean = existsSync("/proc/self/environ")

const markName = "BROKER_TEST_MARK"

let marks = 0

/** An environment that nobody else has. */
export const mark = (): Readonly<Record<string, string>> => ({
  [markName]: `${process.pid}-${++marks}-${Math.random()}`
})

const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1")
  } catch {
    return "" // it has ended meanwhile
  }
}

/** The processes with that mark, whoever started them. */
export const marked = (env: Readonly<Record<string, string>>): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && environmentOf(pid).includes(`${markName}=${env[markName]}\0`))
    .map(Number)

export const descriptors = (): number => readdirSync("/proc/self/fd").length

/** Waits for a condition in real time, and fails when it never holds. */
export const until = async (what: () => string, holds: () => boolean, limitMillis = 15_000): Promise<void> => {
  const deadline = performance.now() + limitMillis
  while (!holds() && performance.now() < deadline) await setTimeout(5)
  if (!holds()) throw new Error(`never happened: ${what()}`)
}
