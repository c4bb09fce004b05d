import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { constants } from "node:os"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))
export const manifest = JSON.parse(readFileSync(`${root}/package.json`, "utf8"))

/**
 * Runs a program to its end and answers its exit code, as a shell would.
 *
 * A signal for this process is one for the program. Ctrl-C at a terminal reaches the program by itself, and one stop can
 * arrive here twice, from npm and from whoever signals the whole process group: a program that shuts down gracefully
 * must not take either for a second, impatient request.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<number>}
 */
const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options })
    let forwardedAt = 0
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      if (signal === "SIGINT" && process.stdin.isTTY) return
      if (Date.now() - forwardedAt < sameStopWithin) return
      forwardedAt = Date.now()
      child.kill(signal)
    }
    for (const signal of stops) process.on(signal, forward)
    const settle = () => {
      for (const signal of stops) process.off(signal, forward)
    }
    child.once("error", (error) => {
      settle()
      reject(error)
    })
    child.once("exit", (code, signal) => {
      settle()
      resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"])
    })
  })

/** @type {ReadonlyArray<NodeJS.Signals>} */
const stops = ["SIGINT", "SIGTERM", "SIGHUP"]
const sameStopWithin = 200

/**
 * Runs JavaScript on the very Node that runs this.
 *
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export const node = (args, options) => run(process.execPath, args, options)

/**
 * Runs the pinned pnpm, which nobody has to install first.
 *
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export const pnpm = (args, options) => run("npx", ["--yes", manifest.packageManager, ...args], options)
