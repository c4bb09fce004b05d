// Makes a fresh clone usable with nothing but Node and npm, and costs milliseconds when there is nothing to do.
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, rmdirSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))

const manifest = JSON.parse(readFileSync(`${root}/package.json`, "utf8"))
const stampFile = `${root}/node_modules/.installed`
const lock = `${root}/.tools/install.lock`
const lockExpiresAfter = 20_000

export const ensureNodeVersion = () => {
  const required = manifest.engines.node.replace(">=", "")
  /** @param {string} version */
  const ordinal = (version) => version.split(".").reduce((sum, part) => sum * 1000 + Number.parseInt(part, 10), 0)
  if (ordinal(process.versions.node) < ordinal(required)) {
    console.error(`Watertight needs Node ${required} or later; this is ${process.versions.node} (${process.execPath}).`)
    process.exit(1)
  }
}

export const ensureInstalled = async () => {
  const wanted = stamp()
  if (installed() === wanted) return
  const unlock = await takeLock()
  try {
    // Another process may have done the work while this one waited for the lock.
    if (installed() === wanted) return
    await install()
    writeFileSync(stampFile, wanted)
  } finally {
    unlock()
  }
}

/** @param {ReadonlyArray<string>} args */
export const pnpm = (args) => run("npx", ["--yes", manifest.packageManager, ...args])

const stamp = () => {
  const lockfile = createHash("sha256").update(readFileSync(`${root}/pnpm-lock.yaml`)).digest("hex")
  return `${lockfile} node ${process.versions.node.split(".")[0]} ${process.platform} ${process.arch}\n`
}

const installed = () => {
  try {
    return readFileSync(stampFile, "utf8")
  } catch {
    return undefined
  }
}

const install = async () => {
  console.error("Installing dependencies …")
  const code = await pnpm(["install", "--frozen-lockfile", "--config.confirm-modules-purge=false"])
  if (code !== 0) throw new Error(`pnpm install failed with exit code ${code}`)
  // Puts the Effect diagnostics into this checkout's copy of tsc; does nothing when they are already there.
  const patched = await run(process.execPath, [`${root}/node_modules/@effect/tsgo/dist/effect-tsgo.cjs`, "patch"])
  if (patched !== 0) throw new Error(`effect-tsgo patch failed with exit code ${patched}`)
}

/**
 * A directory is created by exactly one of several concurrent processes. Its time is kept fresh while the owner lives,
 * because a process id says nothing across containers.
 */
const takeLock = async () => {
  mkdirSync(`${root}/.tools`, { recursive: true })
  while (!createLock()) {
    if (lockAge() > lockExpiresAfter) removeLock()
    else await sleep(100)
  }
  const heartbeat = setInterval(() => utimesSync(lock, new Date(), new Date()), 1_000)
  process.once("exit", removeLock)
  return () => {
    clearInterval(heartbeat)
    process.off("exit", removeLock)
    removeLock()
  }
}

const createLock = () => {
  try {
    mkdirSync(lock)
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false
    throw error
  }
}

const lockAge = () => {
  const stats = statSync(lock, { throwIfNoEntry: false })
  return stats === undefined ? 0 : Date.now() - stats.mtimeMs
}

const removeLock = () => {
  try {
    rmdirSync(lock)
  } catch {
    // Already gone: another process found it expired.
  }
}

/**
 * Runs a program to its end with the installation's rules: no questions, progress on stderr, so that what a task
 * prints on stdout is the task's own.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @returns {Promise<number>}
 */
const run = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", process.stderr, process.stderr],
      // npx is a .cmd file on Windows, which only a shell can start.
      shell: process.platform === "win32" && command === "npx"
    })
    child.once("error", reject)
    child.once("exit", (code) => resolve(code ?? 1))
  })
