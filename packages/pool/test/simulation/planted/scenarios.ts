import type { Scenario } from "../scenario.ts"
import { bugs } from "./bugs.ts"
import { workload } from "./workload.ts"

/** A healthy run takes some 30 ms; one that waits for a lost permit would go on for ever. */
const options = { virtualMillisMax: 300 }

export const correct: Scenario = { name: "planted/correct", program: workload(undefined), options }

export const planted: ReadonlyArray<Scenario> = bugs.map((bug) => ({
  name: `planted/${bug.name}`,
  program: workload(bug.name),
  options,
  planted: bug.symptom
}))
