// `node scripts/run.mjs <task> [arguments]`: installs what is missing, then runs the task's tool.
// The scripts of package.json `exec` it: a shell between npm and this process would keep the signals to itself.
import { existsSync } from "node:fs"
import { wholeRequirements } from "./arguments.mjs"
import { ensureInstalled, ensureNodeVersion, forgetInstalled } from "./install.mjs"
import { node, pnpm, root } from "./process.mjs"

/** @typedef {(args: ReadonlyArray<string>) => Promise<number>} Task */

/**
 * @param {string} file JavaScript, so that it runs on this very Node
 * @param {ReadonlyArray<string>} fixed
 * @returns {Task}
 */
const script = (file, ...fixed) => (args) => node([file, ...fixed, ...args])

/**
 * Away from a terminal the program gets a process group of its own, so that a signal for the group reaches it once,
 * forwarded by `run`.
 *
 * @param {string} file TypeScript
 * @returns {Task}
 */
const program = (file) => async (args) => {
  if (existsSync(`${root}/${file}`)) {
    const loaders = ["--import", "tsx", "--import", "./scripts/follow-parent.mjs"]
    return node([...loaders, file, ...args], { detached: !process.stdin.isTTY })
  }
  console.error(`${file} does not exist yet.`)
  return 1
}

/** @type {Record<string, Task>} */
const tasks = {
  start: program("packages/examples/src/start.ts"),
  "mcp-broker": program("packages/examples/src/mcp-broker/main.ts"),
  monitor: program("packages/examples/src/container-monitor/main.ts"),
  bench: program("bench/src/main.ts"),
  simulate: program("packages/http-adapter/test/simulation/main.ts"),
  test: (args) => node(["node_modules/vitest/vitest.mjs", "run", ...wholeRequirements(args)]),
  check: script("node_modules/typescript/bin/tsc", "-b"),
  lint: script("node_modules/oxlint/bin/oxlint", "--deny-warnings", "--report-unused-disable-directives"),
  format: script("node_modules/dprint/bin.cjs", "fmt"),
  "format:check": script("node_modules/dprint/bin.cjs", "check"),
  deadcode: script("node_modules/knip/bin/knip.js"),
  docs: script("scripts/docs.mjs"),
  build: script("scripts/build.mjs"),
  packages: script("scripts/packages.mjs"),
  pnpm
}

const [name = "", ...args] = process.argv.slice(2)
const task = tasks[name]
if (task === undefined) {
  console.error(`Unknown task "${name}". Tasks: ${Object.keys(tasks).join(", ")}`)
  process.exit(1)
}
ensureNodeVersion()
// pnpm is how the lockfile changes, so it must run while the lockfile is out of date; it may also undo the patch of tsc.
if (task === pnpm) forgetInstalled()
else await ensureInstalled()
process.exit(await task(args))
