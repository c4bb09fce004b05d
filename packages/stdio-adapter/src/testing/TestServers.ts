/** What a test can tell its servers, and ask them. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { StdioPool } from "../StdioPool.ts"
import type { Arrival } from "./server.ts"

/**
 * Servers that do as they are told. They are called by the names of the application's `StdioServer`s; another name is a defect. Every
 * setter takes effect in one synchronous step, for all processes of the server, and holds until it is called again.
 */
export interface TestServers<R = never> {
  /** A pool whose processes are these servers' and nobody else's. */
  readonly layer: Layer.Layer<StdioPool, never, R>

  // --- starting
  /** processes cannot be started, with that code (`ENOENT`); `undefined`: they can */
  failStart(server: string, code: string | undefined): Effect.Effect<void>

  // --- answers
  /** before every answer */
  delay(server: string, delay: Duration.DurationInput): Effect.Effect<void>
  /** requests are taken, those of the handshake too, and nothing is done with them until it goes on */
  hang(server: string, hanging: boolean): Effect.Effect<void>
  /** stdin is not read any more, and its pipe is full, until it goes on */
  stopReading(server: string, stopped: boolean): Effect.Effect<void>
  /** the next so many requests end the process that they arrive at (`SIGKILL`), handshakes and pings left out */
  dieAtRequest(server: string, requests: number): Effect.Effect<void>

  // --- output
  /** writes a line as it is, message or not */
  say(server: string, line: string | Uint8Array): Effect.Effect<void>
  sayOnStderr(server: string, text: string): Effect.Effect<void>
  notify(server: string, method: string, params?: unknown): Effect.Effect<void>

  // --- the end
  /** all processes end now, with that code or by that signal */
  exit(server: string, how: number | "SIGKILL" | "SIGSEGV" | "SIGTERM"): Effect.Effect<void>
  /** stdout ends, and the process lives on */
  closeStdout(server: string): Effect.Effect<void>
  /** stdin is closed by the process, which lives on */
  closeStdin(server: string): Effect.Effect<void>
  /** the end of stdin does not end the process */
  ignoreEnd(server: string, ignoring: boolean): Effect.Effect<void>
  /** nor does `SIGTERM` */
  ignoreTerm(server: string, ignoring: boolean): Effect.Effect<void>

  // --- what happened
  /** every request that reached a process, in order; handshakes and pings left out */
  requests(server: string): Effect.Effect<ReadonlyArray<Arrival>>
  /** every notification that reached a process, in order */
  notifications(server: string): Effect.Effect<ReadonlyArray<Arrival>>
  pings(server: string): Effect.Effect<number>
  /** signals sent to its processes, in order */
  signals(server: string): Effect.Effect<ReadonlyArray<string>>
  /** processes started so far */
  started(server: string): Effect.Effect<number>
  /** processes that live */
  running(server: string): Effect.Effect<number>
  /** the most that `running` ever was */
  peak(server: string): Effect.Effect<number>
}
