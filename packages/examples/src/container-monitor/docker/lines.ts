/** Lines of a log, each with its time, put together from pieces that the engine, the framing and the network have cut. */
import type { LogStream } from "./frames.ts"
import * as Timestamp from "./timestamp.ts"

export interface LogLine {
  readonly stream: LogStream
  /** as the engine wrote it, with nine digits; empty if it was not asked for */
  readonly timestamp: string
  /** the same as a number; 0 if it was not asked for */
  readonly at: Timestamp.Nanos
  /** without the end of the line; bytes that are not UTF-8 are replaced */
  readonly text: string
}

const newline = 10
const space = 32
/** What engines cut a long line into: each piece has the line's time before it, and only the last one ends with a newline. */
const engineCut = 16 * 1024
/** The longest line that is given as one. Cut at fixed places, a longer one is the same lines each time that it is read. */
export const maxLine = 1024 * 1024

/** Why bytes are no lines of a log. */
export class NoLine extends Error {}

interface Pending {
  parts: Array<Uint8Array>
  size: number
}

export interface LineDecoder {
  /** What an engine wrote at once: a frame's payload, or of a raw log any piece of it. Throws `NoLine`. */
  readonly push: (stream: LogStream, bytes: Uint8Array) => ReadonlyArray<LogLine>
  /** What was begun and not ended. */
  readonly rest: () => ReadonlyArray<LogLine>
}

/** A decoder of one log. */
export const decoder = (timestamps: boolean): LineDecoder => {
  const pending: Record<LogStream, Pending> = { stdout: { parts: [], size: 0 }, stderr: { parts: [], size: 0 } }

  const hold = (stream: LogStream, bytes: Uint8Array): void => {
    if (bytes.length === 0) return
    pending[stream].parts.push(bytes)
    pending[stream].size += bytes.length
  }

  const taken = (stream: LogStream): Uint8Array => {
    const { parts, size } = pending[stream]
    pending[stream] = { parts: [], size: 0 }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, size)
  }

  return {
    push: (stream, bytes) => {
      const lines: Array<LogLine> = []
      let from = 0
      for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, from)) {
        hold(stream, bytes.subarray(from, end))
        lines.push(...linesOf(stream, taken(stream), timestamps))
        from = end + 1
      }
      hold(stream, bytes.subarray(from))
      if (pending[stream].size > 4 * maxLine) {
        // it goes on as a line with the same time, as it would have as a whole
        const long = taken(stream)
        const { body, prefix } = split(long, timestamps)
        const whole = body.length - (body.length % maxLine)
        lines.push(...pieces(stream, prefix, body.subarray(0, whole)))
        hold(stream, Buffer.concat([Buffer.from(prefix === "" ? "" : `${prefix} `), body.subarray(whole)]))
      }
      return lines
    },
    rest: () =>
      (["stdout", "stderr"] as const).flatMap((stream) =>
        pending[stream].size === 0 ? [] : linesOf(stream, taken(stream), timestamps)
      )
  }
}

const linesOf = (stream: LogStream, bytes: Uint8Array, timestamps: boolean): ReadonlyArray<LogLine> => {
  const { body, prefix } = split(bytes, timestamps)
  return pieces(stream, prefix, body)
}

const pieces = (stream: LogStream, timestamp: string, body: Uint8Array): ReadonlyArray<LogLine> => {
  const at = timestamp === "" ? 0n : Timestamp.parse(timestamp)
  if (at === undefined) throw new NoLine(`a line cannot begin with ${JSON.stringify(timestamp)} instead of a time`)
  const lines: Array<LogLine> = []
  let from = 0
  do {
    lines.push({ stream, timestamp, at, text: textOf(body.subarray(from, from + maxLine)) })
    from += maxLine
  } while (from < body.length)
  return lines
}

/** A terminal ends its lines with a carriage return as well. */
const textOf = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
  return text.endsWith("\r") ? text.slice(0, -1) : text
}

const split = (bytes: Uint8Array, timestamps: boolean): { readonly prefix: string; readonly body: Uint8Array } => {
  if (!timestamps) return { prefix: "", body: bytes }
  const end = bytes.indexOf(space)
  const head = bytes.subarray(0, end === -1 ? Math.min(bytes.length, 64) : end)
  const prefix = Buffer.from(head).toString("latin1")
  return { prefix, body: joined(bytes.subarray(head.length + 1), `${prefix} `) }
}

/** Takes out the times that an engine has put between the pieces of a long line. */
const joined = (body: Uint8Array, between: string): Uint8Array => {
  if (body.length <= engineCut) return body
  const mark = Buffer.from(between)
  const kept: Array<Uint8Array> = []
  let rest = body
  while (rest.length > engineCut && mark.equals(rest.subarray(engineCut, engineCut + mark.length))) {
    kept.push(rest.subarray(0, engineCut))
    rest = rest.subarray(engineCut + mark.length)
  }
  return kept.length === 0 ? body : Buffer.concat([...kept, rest])
}
