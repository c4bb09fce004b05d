/** `npm run simulate`: the scenarios of the pool, and those of what stands on it. */
import { runCommandLine } from "../../../pool/test/simulation/commandLine.ts"
import { scenarios as ofPool } from "../../../pool/test/simulation/registry.ts"
import { aggregatorPlanted, aggregatorStream } from "./aggregator.ts"

process.exitCode = runCommandLine(process.argv.slice(2), [...ofPool, aggregatorStream, ...aggregatorPlanted])
