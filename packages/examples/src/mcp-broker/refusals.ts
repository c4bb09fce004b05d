/**
 * What clients are told when there is no answer. The words are the broker's own: what a process has said on stderr may be about
 * somebody else's call, and stays with whoever runs the broker. PURE.
 */
import type { StdioError } from "@watertight/stdio-adapter"
import type { Refusal } from "./messages.ts"

type Failure = StdioError.StdioError

/** The codes that the official SDK knows, and one for everything that may pass. */
export const codes = {
  closed: -32_000,
  timeout: -32_001,
  busy: -32_050,
  invalid: -32_600,
  noMethod: -32_601,
  internal: -32_603
}

export const refusalOf = (error: Failure): Refusal => {
  switch (error._tag) {
    case "RpcError":
      return {
        code: error.code,
        message: error.description,
        ...(error.data === undefined ? {} : { data: error.data })
      }
    case "QueueFull":
      return told(codes.busy, error, `${error.host} is busy: ${error.maxWaiters} calls wait already`)
    case "AcquireTimeout":
      return told(codes.busy, error, `${error.host} is busy: no process was free within ${error.timeout} ms`)
    case "HostUnavailable":
      return told(codes.closed, error, `${error.host} does not start; the next try is in ${error.retryAfter} ms`, {
        retryAfter: error.retryAfter
      })
    case "ConnectTimeout":
      return told(codes.closed, error, `${error.host} was not ready within ${error.timeout} ms`)
    case "StartFailed":
      return told(codes.closed, error, `${error.server} could not be started (${error.code})`)
    case "HandshakeFailed":
      return told(codes.closed, error, `${error.server} was started, but did not become ready`)
    case "ProcessLost":
      return told(codes.closed, error, `the process of ${error.server} ended before the answer`, {
        written: error.written
      })
    case "RequestTimeout":
      return told(codes.timeout, error, `${error.server} did not answer ${error.method} within ${error.timeout} ms`)
    case "RequestInvalid":
      return told(codes.invalid, error, error.message)
    case "LineTooLong":
      return told(codes.closed, error, `a message of ${error.server} was larger than ${error.limit} bytes`)
    case "AnswerMalformed":
    case "OutputMalformed":
      return told(codes.internal, error, `${error.server} broke the protocol`)
    default:
      return told(codes.closed, error, "the broker cannot serve this now")
  }
}

const told = (code: number, { _tag }: Failure, message: string, more: object = {}): Refusal => ({
  code,
  message,
  data: { reason: _tag, ...more }
})
