import { Cause, Effect, Exit } from "effect"
import * as os from "node:os"
import { relative } from "node:path"
import { type Arguments, parseArguments } from "./cli.ts"
import { makeProgress } from "./progress.ts"
import { publish } from "./publish.ts"
import { toResults, writeResults } from "./results.ts"
import type { BenchOptions, Suite } from "./suite.ts"
import { suites } from "./suites/index.ts"
import { renderTable, targetTable } from "./table.ts"

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

/** Runs one suite, prints its tables (or its JSON) and its summary line; whether every target was met. */
const runSuite = (suite: Suite, args: Arguments): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const progress = makeProgress(process.stderr, `${suite.name}: `)
    const options: BenchOptions = { rounds: args.rounds, minMillis: args.minMillis, quick: args.quick, progress }
    const start = new Date()
    const loadBefore = os.loadavg()
    const report = yield* suite.run(options).pipe(Effect.ensuring(Effect.sync(progress.clear)))
    const results = toResults(suite, report, options, { start, loadBefore })
    const file = writeResults(results)
    if (args.publish) publish(results)
    if (args.json) {
      say(JSON.stringify(results))
      process.stderr.write(`${results.summary}\n`)
    } else {
      say([...report.tables, targetTable(report.targets)].map(renderTable).join("\n\n"))
      say(`\nResults: ${relative(process.cwd(), file)}`)
      say(results.summary)
    }
    return report.targets.every((target) => target.met)
  })

/** Returns the exit code. */
export const runSuites = async (argv: ReadonlyArray<string>): Promise<number> => {
  const parsed = parseArguments(argv, Object.keys(suites))
  if (!parsed.ok) throw new Error(parsed.message)
  const loads = parsed.value.suites.flatMap((name) => suites[name] ?? [])
  const chosen = await Promise.all(loads.map((load) => load()))
  const exit = await Effect.runPromiseExit(Effect.forEach(chosen, (suite) => runSuite(suite, parsed.value)))
  if (Exit.isSuccess(exit)) return exit.value.every(Boolean) ? 0 : 1
  process.stderr.write(`bench: nothing was decided, the measurement failed\n${Cause.pretty(exit.cause)}\n`)
  return 1
}
