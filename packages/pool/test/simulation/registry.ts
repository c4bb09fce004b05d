import { correct, planted } from "./planted/scenarios.ts"
import type { Scenario } from "./scenario.ts"
import { direct } from "./scenarios/direct.ts"
import { poolShutdown, poolStorm } from "./scenarios/pool.ts"

/** Everything that `npm run simulate` runs. A scenario listed here also has its past failures run first. */
export const scenarios: ReadonlyArray<Scenario> = [direct, correct, poolStorm, poolShutdown, ...planted]
