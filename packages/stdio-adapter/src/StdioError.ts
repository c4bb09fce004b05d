/** What may go wrong between a request and its answer: a closed union, each member with the server and, where there is one, the process. */
import type { PoolError } from "@watertight/pool"
import * as Data from "effect/Data"
import { toStringUnknown } from "effect/Inspectable"
import type { ParseError } from "effect/ParseResult"
import { showStderr } from "./internal/tail.ts"

/** How a process ended. */
export interface Exit {
  /** what it gave to `exit`; none if a signal ended it, or if it has not ended */
  readonly code: number | undefined
  /** the signal that ended it, as far as the executor tells */
  readonly signal: string | undefined
}

const showExit = ({ code, signal }: Exit): string =>
  code !== undefined ? `exit code ${code}` : signal !== undefined ? `ended by ${signal}` : "still running"

/** The process could not be started. */
export class StartFailed extends Data.TaggedError("StartFailed")<{
  readonly server: string
  /** as the system calls it: `ENOENT`, `EACCES`, `EMFILE`, … */
  readonly code: string
}> {
  override get message(): string {
    return `${this.server}: the process could not be started (${this.code})`
  }
}

/** The process was started, but did not become ready. */
export class HandshakeFailed extends Data.TaggedError("HandshakeFailed")<{
  readonly server: string
  readonly reason: string
  readonly exit: Exit
  /** the end of what it said on stderr */
  readonly stderr: string
}> {
  override get message(): string {
    return `${this.server}: the process did not become ready: ${this.reason} (${showExit(this.exit)})${
      showStderr(this.stderr)
    }`
  }
}

/** The process, or the way to it, ended before the answer. */
export class ProcessLost extends Data.TaggedError("ProcessLost")<{
  readonly server: string
  readonly pid: number
  readonly reason: string
  /** whether the request, or a part of it, may have reached the process */
  readonly written: boolean
  readonly exit: Exit
  /** bytes of an unfinished line */
  readonly partial: number
  /** the end of what it said on stderr */
  readonly stderr: string
}> {
  override get message(): string {
    const when = this.written ? "before the answer" : "before the request was written"
    const partial = this.partial === 0 ? "" : `, in the middle of a line after ${this.partial} bytes`
    return `${this.server}: process ${this.pid} was lost ${when}${partial}: ${this.reason} (${showExit(this.exit)})` +
      showStderr(this.stderr)
  }
}

/** No answer came in time. The process lives on, unless a check finds that it answers nobody. */
export class RequestTimeout extends Data.TaggedError("RequestTimeout")<{
  readonly server: string
  readonly pid: number
  readonly method: string
  readonly timeout: number
  /** whether the request may have reached the process; if not, the process does not read */
  readonly written: boolean
}> {
  override get message(): string {
    const how = this.written ? "" : ", and the process has not read the request"
    return `${this.server}: process ${this.pid} did not answer ${this.method} within ${this.timeout} ms${how}`
  }
}

/** The server answered with an error. Its process is well. */
export class RpcError extends Data.TaggedError("RpcError")<{
  readonly server: string
  readonly method: string
  readonly code: number
  /** in the server's words */
  readonly description: string
  readonly data: unknown
}> {
  override get message(): string {
    return `${this.server}: ${this.method} was answered with error ${this.code}: ${this.description}`
  }
}

/** A request that cannot be sent as it is. */
export class RequestInvalid extends Data.TaggedError("RequestInvalid")<{
  readonly field: string
  readonly value: unknown
  readonly allowed: string
}> {
  override get message(): string {
    const value = typeof this.value === "string" ? JSON.stringify(this.value) : toStringUnknown(this.value, 0)
    return `${this.field}: ${value} is not allowed; allowed: ${this.allowed}`
  }
}

/** The answer has neither a result nor an error. */
export class AnswerMalformed
  extends Data.TaggedError("AnswerMalformed")<{ readonly server: string; readonly method: string }>
{
  override get message(): string {
    return `${this.server}: the answer to ${this.method} has neither a result nor an error`
  }
}

/** The result is not what the schema says. */
export class ResultInvalid extends Data.TaggedError("ResultInvalid")<{
  readonly server: string
  readonly method: string
  readonly cause: ParseError
}> {
  override get message(): string {
    return `${this.server}: the result of ${this.method} is not as expected: ${this.cause.message}`
  }
}

/** The process wrote a line longer than `maxLineSize`. It is ended, and all who waited for it fail. */
export class LineTooLong extends Data.TaggedError("LineTooLong")<{
  readonly server: string
  readonly pid: number
  readonly limit: number
}> {
  override get message(): string {
    return `${this.server}: process ${this.pid} wrote a line of more than ${this.limit} bytes`
  }
}

/** The process wrote what is no message: a broken one, or more lines of something else than `maxNoise`. It is ended. */
export class OutputMalformed extends Data.TaggedError("OutputMalformed")<{
  readonly server: string
  readonly pid: number
  /** the beginning of the line */
  readonly line: string
}> {
  override get message(): string {
    return `${this.server}: process ${this.pid} wrote what is no message: ${JSON.stringify(this.line)}`
  }
}

/** A process could not be had. */
export type StartError = StartFailed | HandshakeFailed

/** A request failed on its process. */
export type RequestError =
  | ProcessLost
  | RequestTimeout
  | RpcError
  | RequestInvalid
  | AnswerMalformed
  | LineTooLong
  | OutputMalformed

/** A request failed, on its way to a process or on it. */
export type StdioError = StartError | RequestError | PoolError.AcquireError
