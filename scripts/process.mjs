import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { constants } from "node:os"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))
export const manifest = JSON.parse(readFileSync(`${root}/package.json`, "utf8"))

/**
 * Runs a program to its end and answers its exit code, as a shell would.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<number>}
 */
const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options })
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      // A terminal sends Ctrl-C to the whole process group: forwarding it would interrupt the program twice.
      if (!(signal === "SIGINT" && process.stdin.isTTY)) child.kill(signal)
    }
    for (const signal of forwarded) process.on(signal, forward)
    const settle = () => {
      for (const signal of forwarded) process.off(signal, forward)
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
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"]

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
export const pnpm = (args, options) =>
  // npx is a .cmd file on Windows, which only a shell can start.
  run("npx", ["--yes", manifest.packageManager, ...args], { shell: process.platform === "win32", ...options })
