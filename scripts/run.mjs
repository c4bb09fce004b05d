// `node scripts/run.mjs <task> [arguments]`: installs what is missing, then runs the task's tool.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { constants } from "node:os"
import { ensureInstalled, ensureNodeVersion, pnpm, root } from "./install.mjs"

/**
 * A requirement number alone (`P1`, or `P1|P2`) means that number as a whole word: vitest would also find P1 in P10.
 *
 * @param {ReadonlyArray<string>} args
 */
export const wholeRequirements = (args) => {
  /** @param {string} text */
  const bounded = (text) => /^[A-Z]\d+(\|[A-Z]\d+)*$/.test(text) ? `\\b(?:${text})\\b` : text
  return args.map((arg, index) => {
    if (args[index - 1] === "-t" || args[index - 1] === "--testNamePattern") return bounded(arg)
    const [, option, pattern] = /^(-t=|--testNamePattern=)(.*)$/s.exec(arg) ?? []
    return option === undefined || pattern === undefined ? arg : option + bounded(pattern)
  })
}

/** @typedef {(args: ReadonlyArray<string>) => Promise<number> | number} Task */

/**
 * @param {string} bin a program's JavaScript file inside node_modules, so that it runs on this very Node
 * @param {ReadonlyArray<string>} fixed
 * @returns {Task}
 */
const tool = (bin, ...fixed) => (args) => node([`node_modules/${bin}`, ...fixed, ...args])

/**
 * @param {string} file a TypeScript program
 * @returns {Task}
 */
const program = (file) => (args) => {
  if (existsSync(`${root}/${file}`)) return node(["--import", "tsx", file, ...args])
  console.error(`${file} does not exist yet.`)
  return 1
}

/** @type {Record<string, Task>} */
const tasks = {
  start: program("packages/examples/src/start.ts"),
  bench: program("bench/src/main.ts"),
  simulate: program("packages/pool/test/simulation/main.ts"),
  test: (args) => node(["node_modules/vitest/vitest.mjs", "run", ...wholeRequirements(args)]),
  check: tool("typescript/bin/tsc", "-b"),
  lint: tool("oxlint/bin/oxlint"),
  format: tool("dprint/bin.cjs", "fmt"),
  "format:check": tool("dprint/bin.cjs", "check"),
  deadcode: tool("knip/bin/knip.js"),
  build: (args) => node(["scripts/build.mjs", ...args]),
  packages: (args) => node(["scripts/packages.mjs", ...args]),
  pnpm
}

/** @param {ReadonlyArray<string>} args */
const node = (args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" })
    // A terminal sends Ctrl-C to the whole process group: forwarding it would interrupt the program twice.
    const signals = /** @type {ReadonlyArray<NodeJS.Signals>} */ (["SIGINT", "SIGTERM", "SIGHUP"])
    for (const signal of signals) {
      process.on(signal, () => {
        if (!(signal === "SIGINT" && process.stdin.isTTY)) child.kill(signal)
      })
    }
    child.once("error", reject)
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]))
  })

const main = async () => {
  const [name = "", ...args] = process.argv.slice(2)
  const task = tasks[name]
  if (task === undefined) {
    console.error(`Unknown task "${name}". Tasks: ${Object.keys(tasks).join(", ")}`)
    process.exit(1)
  }
  ensureNodeVersion()
  if (name !== "pnpm") await ensureInstalled()
  process.exit(await task(args))
}

await main()
