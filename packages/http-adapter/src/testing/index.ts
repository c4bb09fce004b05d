/** For tests of programs that use the HTTP client. */
export type {
  /** A request as it arrived at a host. */
  Arrival as TestRequest
} from "./arrival.ts"
export * as TestHttp from "./TestHttp.ts"
export type { TestServers } from "./TestServers.ts"
