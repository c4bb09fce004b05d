/** Runs a program of this package in a process of its own. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const sources = fileURLToPath(new URL("../src/", import.meta.url))

export const run = (program: string, ...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", sources + program, ...args])

/** Real time, in another process: far beyond the few seconds that any of them takes. */
export const patience = 60_000
