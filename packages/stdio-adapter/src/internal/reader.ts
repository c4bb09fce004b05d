/** The stdout of one process, taken apart into messages; what is no message has a limit. */
import * as StdioError from "../StdioError.ts"
import { Lines } from "./lines.ts"
import { excerpt, type Message, read } from "./messages.ts"
import type { StdioSettings } from "./settings.ts"

/** What a process may not do. */
export type Fault = StdioError.LineTooLong | StdioError.OutputMalformed

/** Whom a reader tells what it has read. */
export interface Readership {
  /** A message, or all of a batch, in a line of that size. */
  onMessages(messages: ReadonlyArray<Message>, together: boolean, size: number): void
  onNoise(): void
  /** Nothing is read any more. */
  onFault(fault: Fault): void
}

export class Reader {
  private readonly label: string
  private readonly pid: number
  private readonly settings: StdioSettings
  private readonly readership: Readership
  private readonly lines: Lines
  private noise = 0
  private over = false

  constructor(label: string, pid: number, settings: StdioSettings, readership: Readership) {
    this.label = label
    this.pid = pid
    this.settings = settings
    this.readership = readership
    this.lines = new Lines(settings.maxLineSize)
  }

  /** bytes of the unfinished line */
  get pending(): number {
    return this.lines.pending
  }

  push(chunk: Uint8Array): void {
    if (this.over || this.lines.push(chunk, (line) => this.onLine(line))) return
    this.fail(new StdioError.LineTooLong({ server: this.label, pid: this.pid, limit: this.settings.maxLineSize }))
  }

  private onLine(line: Uint8Array): boolean {
    const what = read(line)
    if (what.kind === "noise") {
      this.readership.onNoise()
      this.noise++
      if (this.noise <= this.settings.maxNoise) return true
    }
    if (what.kind === "noise" || what.kind === "torn") {
      this.fail(new StdioError.OutputMalformed({ server: this.label, pid: this.pid, line: excerpt(line) }))
      return false
    }
    this.noise = 0
    const together = what.kind === "batch"
    this.readership.onMessages(together ? what.messages : [what.message], together, line.length)
    return true
  }

  private fail(fault: Fault): void {
    this.over = true
    this.lines.clear()
    this.readership.onFault(fault)
  }
}
