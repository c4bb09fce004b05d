import type { Effect } from "effect"
import type { Sim, SimulatorOptions } from "./simulator.ts"
import type { TierName } from "./tiers.ts"

/** A program to run under many seeds. */
export interface Scenario {
  /** Unique, and a word of the command line: `family/name`. */
  readonly name: string
  readonly program: (sim: Sim) => Effect.Effect<unknown, unknown>
  /** The limits and chances that suit the program. */
  readonly options?: Omit<SimulatorOptions, "tier" | "scenario">
  /** A bug is planted: the runs must fail, and with this symptom. */
  readonly planted?: RegExp
  /** Tiers whose failures are reported for review and do not fail the build. */
  readonly advisory?: ReadonlyArray<TierName>
}
