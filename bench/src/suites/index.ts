import type { Suite } from "../suite.ts"

/** Every suite by the name it has on the command line; loaded only when it is run. */
export const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  pool: () => import("./pool/index.ts").then((module) => module.poolSuite),
  http: () => import("./http/index.ts").then((module) => module.httpSuite),
  aggregate: () => import("./aggregate/index.ts").then((module) => module.aggregateSuite),
  h2: () => import("./h2/index.ts").then((module) => module.h2Suite)
}
