/** Which real programs are on this machine, and what becomes of a test when one is not. */
import * as Fs from "node:fs"
import * as Path from "node:path"

// Servers live in folders that are not on the path of every user.
const folders = [...(process.env["PATH"] ?? "").split(Path.delimiter), "/usr/sbin", "/usr/local/sbin", "/sbin"]

const isProgram = (file: string): boolean => {
  try {
    Fs.accessSync(file, Fs.constants.X_OK)
    return Fs.statSync(file).isFile()
  } catch {
    return false
  }
}

/** The full path of a program, or `undefined`. */
export const find = (program: string): string | undefined =>
  folders.map((folder) => Path.join(folder, program)).find(isProgram)

const warned = new Set<string>()

/**
 * For `describe.skipIf(lacks("nginx"))`: true when a program is missing on a developer's own computer, where the tests are skipped and
 * a line says so. In CI nothing is skipped: the tests run, and fail with the name of what is missing.
 */
export const lacks = (...programs: ReadonlyArray<string>): boolean => {
  const missing = programs.filter((program) => find(program) === undefined)
  if (missing.length === 0 || process.env["CI"] === "true") return false
  for (const program of missing.filter((one) => !warned.has(one))) {
    warned.add(program)
    // Not through the console, which the test runner may hold back.
    process.stderr.write(`\nWARNING: ${program} is not installed: tests against the real ${program} are SKIPPED\n`)
  }
  return true
}
