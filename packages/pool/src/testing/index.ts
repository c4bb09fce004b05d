/** For tests of programs that use a pool. */
export * as TestConnector from "./TestConnector.ts"
export type { TestConnection, TestNetwork } from "./TestConnector.ts"
