/** A container of the built-in engine: what it has written, who follows that, and whether it runs. */
import type { LogStream } from "../docker/frames.ts"
import type { Nanos } from "../docker/timestamp.ts"

/** What was written at once: a line with its newline, or a piece of a long one without. */
export interface Written {
  readonly stream: LogStream
  readonly at: Nanos
  readonly bytes: Uint8Array
}

export interface Given {
  readonly name: string
  readonly image?: string | undefined
  readonly tty?: boolean | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** Engines cut lines at 16 KiB. */
const cut = 16 * 1024
const newline = Buffer.from("\n")

export class EmbeddedContainer {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly tty: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly log: Array<Written> = []
  running = false
  exitCode = 0
  restarts = 0
  startedAt: Nanos = 0n
  finishedAt: Nanos = 0n
  private readonly followers = new Set<() => void>()

  constructor(id: string, { image = "embedded/chatter:1", labels = {}, name, tty = false }: Given) {
    this.id = id
    this.name = name
    this.image = image
    this.tty = tty
    this.labels = labels
  }

  /** All pieces of a line have its time. */
  write(stream: LogStream, text: string, at: Nanos): void {
    // a terminal has one stream, and ends its lines in its own way
    const to = this.tty ? "stdout" : stream
    const line = Buffer.from(this.tty ? `${text}\r` : text)
    let from = 0
    while (line.length - from > cut) {
      this.log.push({ stream: to, at, bytes: line.subarray(from, from + cut) })
      from += cut
    }
    this.log.push({ stream: to, at, bytes: Buffer.concat([line.subarray(from), newline]) })
    this.tell()
  }

  /** Calls back whenever there may be more, or the end. Returns how to stop that. */
  follow(changed: () => void): () => void {
    this.followers.add(changed)
    return () => this.followers.delete(changed)
  }

  tell(): void {
    for (const changed of this.followers) changed()
  }
}
