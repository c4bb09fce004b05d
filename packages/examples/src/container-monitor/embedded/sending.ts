/** Answers of the built-in engine that go on: a log, and events. */
import type { ServerResponse } from "node:http"
import * as Frames from "../docker/frames.ts"
import * as Timestamp from "../docker/timestamp.ts"
import type { EmbeddedContainer, Written } from "./container.ts"

export interface LogQuery {
  readonly follow: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly timestamps: boolean
  readonly since: Timestamp.Nanos | undefined
  readonly until: Timestamp.Nanos | undefined
  readonly tail: number | undefined
}

const isTrue = (text: string | null): boolean => text !== null && text !== "" && text !== "0" && text !== "false"

const time = (text: string | null): Timestamp.Nanos | undefined =>
  text === null || text === "0" ? undefined : Timestamp.fromSeconds(text)

export const logQuery = (params: URLSearchParams): LogQuery => {
  const tail = params.get("tail")
  return {
    follow: isTrue(params.get("follow")),
    stdout: isTrue(params.get("stdout")),
    stderr: isTrue(params.get("stderr")),
    timestamps: isTrue(params.get("timestamps")),
    since: time(params.get("since")),
    until: time(params.get("until")),
    tail: tail === null || !/^\d+$/u.test(tail) ? undefined : Number(tail)
  }
}

/** Cuts what is sent into pieces, as networks do. */
export type Cut = (bytes: Uint8Array) => ReadonlyArray<Uint8Array>

/**
 * Sends a log, and what is added to it for as long as the container runs. As with other engines the head is sent with the first byte.
 */
export const sendLog = (
  container: EmbeddedContainer,
  query: LogQuery,
  response: ServerResponse,
  cut: Cut,
  isClosing: () => boolean
): () => void => {
  const asked = ({ at, stream }: Written): boolean =>
    query[stream] && (query.since === undefined || at >= query.since) &&
    (query.until === undefined || at <= query.until)
  const encoded = ({ at, bytes, stream }: Written): Uint8Array => {
    const line = query.timestamps ? Buffer.concat([Buffer.from(`${Timestamp.format(at)} `), bytes]) : bytes
    return container.tty ? line : Frames.encode(stream, line)
  }
  let next = firstOf(container.log, query.tail, asked)
  let blocked = false
  const pump = (): void => {
    if (blocked || response.writableEnded) return
    while (next < container.log.length) {
      const written = container.log[next]
      next += 1
      if (written === undefined || !asked(written)) continue
      for (const piece of cut(encoded(written))) blocked = !response.write(piece)
      if (blocked) {
        response.once("drain", () => {
          blocked = false
          pump()
        })
        return
      }
    }
    if (!query.follow || !container.running || isClosing()) response.end()
  }
  const unfollow = container.follow(pump)
  response.once("close", unfollow)
  pump()
  return pump
}

/** The place of the first of the last so many lines that were asked for. */
const firstOf = (
  log: ReadonlyArray<Written>,
  tail: number | undefined,
  asked: (written: Written) => boolean
): number => {
  if (tail === undefined) return 0
  let found = 0
  for (let index = log.length; index > 0; index--) {
    const written = log[index - 1]
    const endsLine = written !== undefined && written.bytes.at(-1) === 10
    if (written === undefined || !asked(written) || !endsLine) continue
    if (found === tail) return index
    found += 1
  }
  return 0
}
