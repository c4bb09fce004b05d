/** For tests of programs that use servers on stdio. */
export type {
  /** A message as it arrived at a server. */
  Arrival as TestMessage,
  /** The process that a request arrived at. */
  TestProcess,
  /** What a server answers. */
  TestServer
} from "./server.ts"
export type { TestServers } from "./TestServers.ts"
export * as TestStdio from "./TestStdio.ts"
