/** A line of a container's log, on its way to the sinks. */
import type { LogLine } from "../docker/lines.ts"
import type { Cursor } from "./cursor.ts"

export interface Source {
  readonly id: string
  readonly name: string
  readonly image: string
}

export interface Entry {
  readonly container: Source
  readonly line: LogLine
  /** how far the log has been read when this entry has been delivered */
  readonly cursor: Cursor
}

/** What is written for machines: one object on one line. */
export interface Plain {
  readonly container: string
  readonly name: string
  readonly stream: string
  readonly timestamp: string
  readonly line: string
}

export const plain = ({ container, line }: Entry): Plain => ({
  container: container.id,
  name: container.name,
  stream: line.stream,
  timestamp: line.timestamp,
  line: line.text
})

export const ndjson = (lines: ReadonlyArray<Plain>): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("")
