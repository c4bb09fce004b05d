/**
 * How far a log has been read, so that it goes on where it was left: nothing twice, nothing left out.
 *
 * Engines give a log again from a point in time on, that time included, and some of them round it. Lines of one stream are in the order of
 * their times, but two streams are written side by side: a line of stderr may stand before an older one of stdout. So each stream has a mark
 * of its own, the log is asked for from a little before the last line, and what lies before the marks is passed over. Where several lines
 * have the very same time, those that were seen are known by their digests.
 */
import * as Crypto from "node:crypto"
import type { LogStream } from "../docker/frames.ts"
import type { LogLine } from "../docker/lines.ts"
import type { Nanos } from "../docker/timestamp.ts"

/** The last line of a stream. */
interface Mark {
  readonly at: Nanos
  /** digests of all lines seen with this time */
  readonly seen: ReadonlyArray<string>
}

export interface Cursor {
  /** of the last line, whatever its stream */
  readonly latest: Nanos
  readonly stdout: Mark | undefined
  readonly stderr: Mark | undefined
}

/** How far two streams may be apart in the log, and how roughly an engine may round. */
const margin = 1_000_000_000n

export const digestOf = (text: string): string => Crypto.createHash("sha1").update(text).digest("base64url")

/** From when on to ask for the log. */
export const since = ({ latest }: Cursor): Nanos => latest > margin ? latest - margin : 0n

/** The cursor after a line. */
export const advance = (cursor: Cursor | undefined, { at, stream, text }: LogLine): Cursor => {
  // The engine's clock was set back: marks of before would hide what comes now. Twice is better than never.
  const known = cursor !== undefined && at + margin >= cursor.latest ? cursor : undefined
  const mark = known?.[stream]
  const seen = mark !== undefined && mark.at === at ? [...mark.seen, digestOf(text)] : [digestOf(text)]
  const marks = { stdout: known?.stdout, stderr: known?.stderr }
  return { ...marks, latest: at, [stream]: { at, seen } }
}

/** For one reading of a log from `since` on: whether a line is new. Lines have to be shown to it in their order. */
export const newLines = (cursor: Cursor | undefined): (line: LogLine) => boolean => {
  if (cursor === undefined) return () => true
  const behind: Record<LogStream, Mark | undefined> = { stdout: cursor.stdout, stderr: cursor.stderr }
  const left: Record<LogStream, Array<string>> = {
    stdout: [...(cursor.stdout?.seen ?? [])],
    stderr: [...(cursor.stderr?.seen ?? [])]
  }
  return ({ at, stream, text }) => {
    const mark = behind[stream]
    if (mark === undefined) return true
    if (at < mark.at) return false
    if (at > mark.at) {
      // From here on everything is new, also what is older because the clock was set back.
      behind[stream] = undefined
      return true
    }
    const index = left[stream].indexOf(digestOf(text))
    if (index === -1) return true
    left[stream].splice(index, 1)
    return false
  }
}
