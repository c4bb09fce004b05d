/** What a test can tell its servers, and ask them. */
import type { Connector } from "@watertight/pool"
import type { TestConnection } from "@watertight/pool/testing"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { HttpPool } from "../HttpPool.ts"
import type { Arrival } from "./arrival.ts"

/**
 * Servers that do as they are told. Hosts are named by their URLs, as when the servers were made; another name is a defect. Every
 * setter takes effect in one synchronous step and holds until it is called again. Delays are `Effect.sleep`, so `TestClock`
 * governs them, and hold for what begins after they were set.
 */
export interface TestServers<R = never> {
  /** A pool whose connections lead to these servers and nowhere else. */
  readonly layer: Layer.Layer<HttpPool, never, R>

  // --- addresses: of hosts with names, since addresses and Unix sockets need no resolver
  setAddresses(host: string, addresses: ReadonlyArray<Connector.Address>): Effect.Effect<void>
  /** the time to live of the resolver's answers; none at first */
  setTtl(host: string, ttl: Duration.DurationInput | undefined): Effect.Effect<void>
  /** the resolver cannot say (`EAI_AGAIN`) */
  failResolve(host: string, failing: boolean): Effect.Effect<void>
  hangResolve(host: string, hanging: boolean): Effect.Effect<void>

  // --- dials: at all addresses of the host, or at one of them
  delayConnect(host: string, delay: Duration.DurationInput, address?: Connector.Address): Effect.Effect<void>
  /** connections are refused (`ECONNREFUSED`) */
  refuse(host: string, refusing: boolean, address?: Connector.Address): Effect.Effect<void>
  /** connections are neither accepted nor refused */
  hangConnect(host: string, hanging: boolean, address?: Connector.Address): Effect.Effect<void>
  /** what is refused is refused by our own system (`EMFILE`), for which the circuit breaker blames nobody */
  localFault(host: string, local: boolean): Effect.Effect<void>

  // --- answers
  /** from the application's answer to the head of the response */
  delay(host: string, delay: Duration.DurationInput): Effect.Effect<void>
  /** from the head of the response to its body */
  delayBody(host: string, delay: Duration.DurationInput): Effect.Effect<void>
  /** The host is stopped: it still accepts connections and takes requests, but does nothing with them until it goes on. */
  hang(host: string, hanging: boolean): Effect.Effect<void>
  /** so many bytes of a longer body arrive, then the server closes */
  truncateBody(host: string, bytes: number | undefined): Effect.Effect<void>
  /** the server closes after the head of each response */
  cutAfterHead(host: string, cutting: boolean): Effect.Effect<void>
  /**
   * The server closes at the next so many requests, as they arrive and before the application sees them: what happens when a
   * request and the server's end of an idle connection cross on their way.
   */
  cutBeforeAnswer(host: string, requests: number): Effect.Effect<void>

  // --- connections
  /** the server closes its connections now, whatever is under way on them */
  cut(host: string): Effect.Effect<void>
  /** each response says `connection: close`, and is the last one on its connection */
  closeAfterResponse(host: string, closing: boolean): Effect.Effect<void>
  /**
   * How long the server keeps an idle connection, counted from the end of its last response; by default for ever. It says so with
   * each response (`keep-alive: timeout=5`, in whole seconds) unless it is told to keep that to itself.
   */
  keepAlive(host: string, timeout: Duration.DurationInput | undefined, announced?: boolean): Effect.Effect<void>

  // --- what happened
  /** every request that reached the host, in order, answered or not; health checks left out */
  requests(host: string): Effect.Effect<ReadonlyArray<Arrival>>
  /** health checks that reached the host */
  checks(host: string): Effect.Effect<number>
  /** requests that the host is at work on, health checks included */
  handling(host: string): Effect.Effect<number>
  /** connections that are open on both sides, in the order of dialing */
  connections(host: string): Effect.Effect<ReadonlyArray<TestConnection>>
  /** connections opened so far */
  opened(host: string): Effect.Effect<number>
  /** connections being dialed, open or being closed, of one host or of all */
  openNow(host?: string): Effect.Effect<number>
  /** the most that `openNow` ever was */
  peakOpen(host?: string): Effect.Effect<number>
}
