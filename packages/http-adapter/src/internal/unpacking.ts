/**
 * A body without its codings. The body as it arrived goes on to own the lease, and is read only when somebody reads this one, piece by
 * piece and no faster; so a response that nobody reads costs nothing here, and whatever ends one of the two ends the other.
 */
import type { Transform } from "node:stream"
import * as HttpError from "../HttpError.ts"
import { Body, type Source } from "./body.ts"
import { accepted, type Undo, undoOf } from "./codings.ts"
import type { Exchange } from "./exchange.ts"
import { contentEncodingOf } from "./head.ts"
import type { ZstdFrames } from "./zstdFrames.ts"

/** A server has no use for more, but each costs memory here. */
const most = 4

/** The body of a response without its codings; `undefined` if it has none, or none that we know. */
export const unpack = (exchange: Exchange, method: string): Unpacking | undefined => {
  const { status } = exchange
  // Those have no body, and a part of a coded body cannot be decoded.
  if (method === "HEAD" || status === 204 || status === 205 || status === 206 || status === 304) return undefined
  const coding = contentEncodingOf(exchange.rawHeaders)
  const undos = coding === undefined ? undefined : undoOf(coding)
  return coding === undefined || undos === undefined ? undefined : new Unpacking(exchange, coding, undos)
}

/** What a request says that it takes. Pieces of a coded body would be of no use. */
export const acceptFor = (headers: Readonly<Record<string, string>>): string =>
  headers["range"] === undefined ? accepted : "identity"

/** Takes bytes; `false` to wait until it is drained. */
interface Sink {
  write(chunk: Uint8Array): boolean
  end(): void
}

export class Unpacking implements Source {
  readonly body: Body
  private readonly exchange: Exchange
  private readonly coding: string
  private readonly stages: ReadonlyArray<Stage>
  private started = false
  private blocked = false
  private over = false
  /** why there is no more, if that is not the end */
  private cut: HttpError.ExchangeError | undefined = undefined

  constructor(exchange: Exchange, coding: string, undos: ReadonlyArray<Undo>) {
    this.exchange = exchange
    this.coding = coding
    this.body = new Body(this, exchange.readAhead)
    const stages: Array<Stage> = []
    let next: Sink = this.outlet
    // from the last stage back to the first
    for (const undo of undos.toReversed()) {
      const before = undos.length - stages.length - 2
      const drained = (): void => before < 0 ? this.unblock() : this.stages[before]?.resume()
      const stage: Stage = new Stage(undo, exchange.maxDecompressedSize, next, drained, (cause) => this.failed(cause))
      stages.push(stage)
      next = stage
    }
    this.stages = stages.toReversed()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the reader
  // -------------------------------------------------------------------------------------------------------------------

  claimed(): void {
    if (this.started) return
    this.started = true
    this.exchange.body.takePieces()
    if (this.stages.length > most) this.failed(new Error(`more than ${most} codings`))
    else this.pump()
  }

  resume(): void {
    this.stages.at(-1)?.resume()
  }

  left(interrupted: boolean): void {
    if (this.over) return
    this.stop()
    const { body, host } = this.exchange
    body.leave(interrupted)
    const reason = interrupted ? "interrupted" : "left unread"
    this.body.fail(body.error ?? new HttpError.BodyClosed({ host, reason }))
    this.body.take()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // From the body as it arrives, through the stages, to the body that is read
  // -------------------------------------------------------------------------------------------------------------------

  private readonly pump = (): void => {
    const { exchange: { body }, stages: [first] } = this
    while (!this.over && !this.blocked && !body.empty && first !== undefined) {
      for (const chunk of body.take()) this.blocked = !first.write(chunk) || this.blocked
      if (!this.blocked) body.goOn()
    }
    if (this.over || this.blocked) return
    // later: it may be told by the connection, in the middle of its work
    if (body.open) return body.listen(() => queueMicrotask(this.pump))
    this.cut = body.error
    first?.end()
  }

  private unblock(): void {
    this.blocked = false
    this.exchange.body.goOn()
    this.pump()
  }

  private readonly outlet: Sink = {
    write: (chunk) => {
      const goOn = this.body.push(chunk)
      this.body.flush()
      return goOn
    },
    end: () => this.finish(this.cut)
  }

  private failed(cause: Error | "tooLarge"): void {
    const { coding, cut, exchange: { host, maxDecompressedSize: limit } } = this
    this.finish(
      cause === "tooLarge"
        ? new HttpError.DecompressedTooLarge({ host, limit })
        : cut ?? new HttpError.DecompressionFailed({ host, coding, cause })
    )
  }

  private finish(error: HttpError.ExchangeError | undefined): void {
    if (this.over) return
    this.stop()
    const { body } = this.exchange
    if (error === undefined) this.body.end()
    else this.body.fail(error)
    // What comes behind the end is nothing, and what comes behind an error is of no use.
    if (!body.open) body.take()
    else if (error === undefined) body.leave(false)
    else this.exchange.abort(error)
  }

  private stop(): void {
    this.over = true
    for (const stage of this.stages) stage.destroy()
  }
}

/** Undoes one coding. Its stream is made when the first byte comes, and gone when it is done with. */
class Stage implements Sink {
  private readonly undo: Undo
  private readonly limit: number
  private readonly next: Sink
  private readonly drained: () => void
  private readonly failed: (cause: Error | "tooLarge") => void
  private stream: Transform | undefined = undefined
  private frames: ZstdFrames | undefined = undefined
  private produced = 0

  constructor(
    undo: Undo,
    limit: number,
    next: Sink,
    drained: () => void,
    failed: (cause: Error | "tooLarge") => void
  ) {
    this.undo = undo
    this.limit = limit
    this.next = next
    this.drained = drained
    this.failed = failed
  }

  write(chunk: Uint8Array): boolean {
    this.stream ??= this.open(chunk)
    this.frames?.push(chunk)
    return this.stream.write(chunk)
  }

  end(): void {
    if (this.stream === undefined) this.next.end()
    else this.stream.end()
  }

  resume(): void {
    this.stream?.resume()
  }

  destroy(): void {
    this.stream?.destroy()
  }

  private open(first: Uint8Array): Transform {
    const { frames, stream } = this.undo(first)
    this.frames = frames
    return stream
      .on("data", (chunk: Uint8Array) => {
        if (!this.give(chunk)) stream.pause()
      })
      .on("drain", this.drained)
      .on("end", () => frames?.whole === false ? this.failed(new Error("unexpected end of file")) : this.next.end())
      .on("error", (cause) => {
        // what a slow reader has not taken yet was good
        for (let chunk: Uint8Array | null = stream.read(); chunk !== null; chunk = stream.read()) this.give(chunk)
        this.failed(cause)
      })
  }

  /** `false` to wait until there is room. */
  private give(chunk: Uint8Array): boolean {
    // of every stage: what goes through the first may be much, and nothing of it come out of the last
    this.produced += chunk.length
    if (this.produced <= this.limit) return this.next.write(chunk)
    this.failed("tooLarge")
    return true
  }
}
