import { register } from "node:module"

/** Where the measuring begins: built JavaScript alone, in a process of its own with the collector at hand. */
register("./resolveBuilt.js", import.meta.url)

const { runSuites } = await import("./run.ts")
process.exitCode = await runSuites(process.argv.slice(2))
