/**
 * The body of a response between the connection, which fills it, and whoever reads it, if anybody does. Up to a bound it is
 * read ahead, so that most bodies are whole before somebody asks for them.
 */
import type { ExchangeError } from "../HttpError.ts"

/** What becomes of the bytes that arrive. */
type Reader =
  /** kept up to the bound, then the connection waits */
  | "nobody"
  /** kept, however many */
  | "whole"
  /** taken piece by piece; the connection waits while the bound is exceeded */
  | "pieces"
  /** thrown away */
  | "drain"

/** Where the bytes come from. */
export interface Source {
  /** Goes on after a pause. */
  resume(): void
  /** Somebody reads now. */
  claimed(): void
  /** Nobody will read the rest. */
  left(interrupted: boolean): void
}

/** How much more than is read ahead may lie between the connection and a reader: each pause costs as much as several pieces. */
const batch = 4

/** Bytes that a piece takes besides its own: of a body in pieces of one byte that is nearly all. */
const overhead = 128

const empty = new Uint8Array(0)

/** Shared by all that nobody listens to, which are most. */
const nobody: ReadonlyArray<() => void> = []

export class Body {
  /** most bodies are one piece, so the first needs no array */
  private first: Uint8Array | undefined = undefined
  private rest: Array<Uint8Array> | undefined = undefined
  private buffered = 0
  /** what it takes in memory */
  private weight = 0
  private reader: Reader = "nobody"
  private paused = false
  private listeners = nobody
  private readonly source: Source
  private readonly bound: number
  received = 0
  /** the last byte is there */
  ended = false
  /** there will be no last byte */
  error: ExchangeError | undefined = undefined

  constructor(source: Source, bound: number) {
    this.source = source
    this.bound = bound
  }

  /** Whether something more may happen to it. */
  get open(): boolean {
    return !this.ended && this.error === undefined
  }

  get unread(): boolean {
    return this.reader === "nobody"
  }

  get claimed(): boolean {
    return this.reader === "whole" || this.reader === "pieces"
  }

  /** Whether it was read as pieces, so that it cannot be had as a whole any more. */
  get consumed(): boolean {
    return this.reader === "pieces" || this.reader === "drain"
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The connection's side
  // -------------------------------------------------------------------------------------------------------------------

  /** `false` to pause. */
  push(chunk: Uint8Array): boolean {
    this.received += chunk.length
    // undici tells of pieces without a byte, which no reader expects
    if (this.reader === "drain" || chunk.length === 0) return true
    if (this.first === undefined) this.first = chunk
    else if (this.rest === undefined) this.rest = [chunk]
    else this.rest.push(chunk)
    this.buffered += chunk.length
    this.weight += chunk.length + overhead
    this.paused = this.reader === "pieces"
      ? this.weight >= this.bound * batch
      : this.reader === "nobody" && this.weight >= this.bound
    return !this.paused
  }

  /** Somebody waits for a piece, and there is one. */
  get awaited(): boolean {
    return this.reader === "pieces" && this.listeners.length > 0 && this.first !== undefined
  }

  /** Gives what has arrived to whoever waits for it. */
  flush(): void {
    if (this.awaited) this.tell()
  }

  end(): void {
    if (!this.open) return
    this.ended = true
    this.tell()
  }

  fail(error: ExchangeError): void {
    if (!this.open) return
    this.error = error
    // whoever takes it in pieces gets what arrived before
    if (this.reader !== "pieces") this.take()
    this.tell()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // The reader's side
  // -------------------------------------------------------------------------------------------------------------------

  /** From now on it is kept as a whole. */
  keepWhole(): void {
    this.reader = "whole"
    this.source.claimed()
    this.goOn()
  }

  /** From now on it is taken piece by piece. */
  takePieces(): void {
    this.reader = "pieces"
    this.source.claimed()
  }

  /** Throws away what is there and what comes. */
  drain(): void {
    this.reader = "drain"
    this.take()
    this.goOn()
  }

  leave(interrupted: boolean): void {
    if (this.open) this.source.left(interrupted)
    else this.take()
  }

  /** Everything that is there, once it has ended; and from now on it stays. */
  whole(): Uint8Array {
    this.reader = "whole"
    const { buffered, first, rest } = this
    if (first !== undefined && rest === undefined) return first
    const whole = first === undefined || rest === undefined ? empty : Buffer.concat([first, ...rest], buffered)
    this.first = whole
    this.rest = undefined
    return whole
  }

  /** Takes what is there. */
  take(): Array<Uint8Array> {
    const { first, rest } = this
    this.first = undefined
    this.rest = undefined
    this.buffered = 0
    this.weight = 0
    if (first === undefined) return []
    // no literal, nor Array.of, for the reason that chunkOf.ts gives; measured by collections in a download
    const taken = new Array<Uint8Array>()
    taken.push(first)
    if (rest !== undefined) { for (const piece of rest) taken.push(piece) }
    return taken
  }

  /** To be called outside of the connection's own callbacks, which it calls again. */
  goOn(): void {
    if (!this.paused) return
    this.paused = false
    this.source.resume()
  }

  get empty(): boolean {
    return this.first === undefined
  }

  /** Tells once when something has changed. */
  listen(listener: () => void): void {
    this.listeners = [...this.listeners, listener]
  }

  /** Whether somebody else still listens. */
  unlisten(listener: () => void): boolean {
    this.listeners = this.listeners.filter((other) => other !== listener)
    return this.listeners.length > 0
  }

  private tell(): void {
    if (this.listeners.length === 0) return
    const { listeners } = this
    this.listeners = nobody
    for (const listener of listeners) listener()
  }
}
