// Makes a fresh clone usable with nothing but Node and npm, and costs milliseconds when there is nothing to do.
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { manifest, node, pnpm, root } from "./process.mjs"

const stampFile = `${root}/node_modules/.installed`
const lock = `${root}/.tools/install.lock`
const lockExpiresAfter = 20_000

export const ensureNodeVersion = () => {
  const required = manifest.engines.node.replace(">=", "")
  if (ordinal(process.versions.node) >= ordinal(required)) return
  console.error(`Watertight needs Node ${required} or later; this is ${process.versions.node} (${process.execPath}).`)
  process.exit(1)
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

export const forgetInstalled = () => rmSync(stampFile, { force: true })

/** @param {string} version */
const ordinal = (version) => version.split(".").reduce((sum, part) => sum * 1000 + Number.parseInt(part, 10), 0)

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
  // Nothing may ask a question, and stdout belongs to the task that follows.
  /** @type {import("node:child_process").SpawnOptions} */
  const options = { stdio: ["ignore", process.stderr, process.stderr] }
  const code = await pnpm(["install", "--frozen-lockfile", "--config.confirm-modules-purge=false"], options)
  if (code !== 0) stop("pnpm install", code)
  // Puts the Effect diagnostics into this checkout's copy of tsc; does nothing when they are already there.
  const patched = await node(["node_modules/@effect/tsgo/dist/effect-tsgo.cjs", "patch"], options)
  if (patched !== 0) stop("effect-tsgo patch", patched)
}

/**
 * @param {string} what
 * @param {number} code
 */
const stop = (what, code) => {
  console.error(`${what} failed with exit code ${code}`)
  process.exit(code)
}

/**
 * Of several processes exactly one creates a directory. Its time is kept fresh while the owner lives, because a process
 * id says nothing across containers.
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
