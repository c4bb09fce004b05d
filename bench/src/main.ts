import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArguments, usage } from "./cli.ts"
import { makeProgress } from "./progress.ts"
import { suites } from "./suites/index.ts"

/** `npm run bench -- [suite …]`: checks the command line, builds, and measures in a process of its own. */

const EXIT = { missed: 1, usage: 2 }

/** This file's package, whether this is its source or its build. */
const bench = new URL(import.meta.url.includes("/build/src/") ? "../../" : "../", import.meta.url)

const TSC = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", bench))
const PROJECT = fileURLToPath(new URL("tsconfig.src.json", bench))
const CHILD = fileURLToPath(new URL("build/src/child.js", bench))

/**
 * The collector works on the main thread alone, so that CPU time counts its work once and no helper's waiting. The young generation
 * has room for a crowd of 10,000 parked fibers: with V8's 16 MiB, what such a crowd costs is above all the copying of its fibers,
 * whatever they wait for (a bare queue grows as well, see the table).
 */
const MEASURING = ["--expose-gc", "--single-threaded-gc", "--max-semi-space-size=256"]

const runNode = (args: ReadonlyArray<string>, stdout: "inherit" | NodeJS.WriteStream): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["inherit", stdout, "inherit"] })
    const forward = (signal: NodeJS.Signals): boolean => child.kill(signal)
    // An interrupt from the terminal reaches the child too; its end then ends this process.
    const ignore = (): void => undefined
    process.on("SIGTERM", forward).on("SIGINT", ignore)
    child.once("error", reject)
    child.once("exit", (code) => {
      process.off("SIGTERM", forward).off("SIGINT", ignore)
      resolve(code ?? EXIT.missed)
    })
  })

const main = async (argv: ReadonlyArray<string>): Promise<number> => {
  const available = Object.keys(suites)
  const parsed = parseArguments(argv, available)
  if (!parsed.ok) {
    process.stderr.write(`bench: ${parsed.message}\n`)
    return EXIT.usage
  }
  if (parsed.value.help) {
    process.stdout.write(`${usage(available)}\n`)
    return 0
  }
  const progress = makeProgress(process.stderr)
  progress.show("building …")
  const built = await runNode([TSC, "-b", PROJECT], process.stderr)
  progress.clear()
  if (built !== 0) {
    process.stderr.write("bench: the packages do not compile, so there is nothing to measure\n")
    return EXIT.missed
  }
  return runNode([...MEASURING, CHILD, ...argv], "inherit")
}

process.exitCode = await main(process.argv.slice(2))
