/** One stream of a session of HTTP/2: one request and its response, which end without the others. */
import * as Http2 from "node:http2"
import { Readable } from "node:stream"
import { HeadersTooLarge } from "../HttpError.ts"
import { apart, Backlog } from "./backlog.ts"
import type { Batch, Told } from "./batch.ts"
import { type Receiver, Unprocessed, type WireRequest } from "./connection.ts"
import type { RawHeaders } from "./head.ts"
import { sizeOf } from "./http2Head.ts"
import { upload } from "./http2Upload.ts"

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = Http2.constants

/** The session, as far as one of its streams needs to know it. */
export interface Home {
  readonly host: string
  readonly maxHeaderSize: number
  readonly session: Http2.ClientHttp2Session
  readonly answers: Batch
  /** why the session has ended, if it has */
  readonly lost: Error | undefined
  /** The peer has said something. */
  heard(): void
  /** Node has ended the session. */
  lose(reason: Error): void
  /** whether the peer has said that it will not look at it */
  passedOver(id: number | undefined): boolean
  /** The receiver is done with its stream. */
  left(receiver: Receiver): void
}

const owner = Symbol("owner")

/** Node's stream, which knows whose it is: a table beside it would cost the collector more. */
interface Owned extends Http2.ClientHttp2Stream {
  [owner]?: Http2Stream
}

const noHead: RawHeaders = []

type Head = Http2.IncomingHttpHeaders & Http2.IncomingHttpStatusHeader

const withBody: Http2.ClientSessionRequestOptions = { endStream: false }
const withoutBody: Http2.ClientSessionRequestOptions = { endStream: true }

/** What Node takes for granted costs it less than what it is told. */
const optionsOf = (method: string, bodiless: boolean): Http2.ClientSessionRequestOptions | undefined =>
  bodiless ? (method === "GET" ? undefined : withoutBody) : withBody

export class Http2Stream implements Told {
  next: Told | undefined = undefined
  private readonly home: Home
  private readonly stream: Http2.ClientHttp2Stream
  private readonly bodiless: boolean
  private receiver: Receiver | undefined = undefined
  private status = 0
  private head: RawHeaders = noHead
  /** the receiver knows the head */
  private headed = false
  /** the receiver has enough for now */
  private paused = false
  /** what came before the head was told, or in a pause; the window bounds it */
  private readonly backlog = new Backlog()
  /** its last frame has come, and not a reset, which Node takes for an end as well */
  private whole = false
  /** everything that has come is delivered */
  private ended = false
  private cause: Error | undefined = undefined

  /** Throws what Node throws at a head that HTTP/2 cannot send. */
  constructor(home: Home, headers: Http2.OutgoingHttpHeaders, { body, method }: WireRequest, receiver: Receiver) {
    this.home = home
    this.receiver = receiver
    this.bodiless = body === null || (!(body instanceof Readable) && body.length === 0)
    const stream: Owned = home.session.request(headers, optionsOf(method, this.bodiless))
    this.stream = stream
    stream[owner] = this
    // Of Node's stream the half that reads is passed by: what it does for a piece costs as much as the rest of the request.
    stream.push = push
    stream.read = read
    stream.on("response", onResponse).on("error", onError).on("close", onClose)
    if (body instanceof Readable) {
      const length = headers["content-length"]
      upload(body, stream, length === undefined ? undefined : Number(length), (error) => this.fail(error))
    } else if (!this.bodiless) stream.end(body)
  }

  /** whether nothing of the request is left to be written */
  get sent(): boolean {
    return this.bodiless || this.stream.writableFinished
  }

  fail(error: Error): void {
    const { receiver } = this
    if (receiver === undefined) return
    receiver.onError(error)
    receiver.settle()
    this.leave()
  }

  /** The session is lost. */
  cut(reason: Error): void {
    this.tell()
    this.fail(this.home.passedOver(this.stream.id) ? new Unprocessed(reason.message, { cause: reason }) : reason)
  }

  /** Nobody is interested in it any more. What of it is still under way is cancelled. */
  leave(): void {
    const { receiver, stream } = this
    if (receiver === undefined) return
    this.receiver = undefined
    this.backlog.clear()
    this.home.left(receiver)
    if (this.ended && this.sent) return
    stream.close(NGHTTP2_CANCEL)
    stream.destroy()
  }

  resume(): void {
    this.paused = false
    this.flow()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by Node
  // -------------------------------------------------------------------------------------------------------------------

  onResponse(status: number, raw: ReadonlyArray<string>): void {
    const { home: { host, maxHeaderSize }, receiver } = this
    if (receiver === undefined) return
    this.home.heard()
    if (sizeOf(raw) > maxHeaderSize) return this.fail(new HeadersTooLarge({ host, limit: maxHeaderSize }))
    this.status = status
    this.head = raw[0] === ":status" ? raw.slice(2) : raw
    this.home.answers.add(this)
  }

  /** Tells the head, and what has come after it. */
  tell(): void {
    const { head, headed, receiver, status } = this
    if (receiver === undefined || headed || status === 0) return
    this.headed = true
    receiver.onResponseStarted()
    receiver.onHeaders(status, head, () => this.resume())
    this.flow()
  }

  /** `false` to pause. Pieces that are on their way come nevertheless, and those of a short body before its head. */
  onPiece(piece: Uint8Array): boolean {
    const { receiver } = this
    if (receiver === undefined) return true
    this.home.heard()
    if (!this.headed || this.paused) {
      this.backlog.add(piece)
      return !this.paused
    }
    if (!receiver.onData(apart(piece))) this.paused = true
    this.settle()
    return !this.paused
  }

  onWhole(): void {
    this.whole = true
    if (this.headed) this.flow()
  }

  /** The end in any case. */
  onClose(): void {
    this.tell()
    if (this.receiver === undefined) return
    // a peer may answer and then reset what is left of the request
    if (this.whole && this.headed) return this.flow()
    const { home, stream: { id, rstCode, session } } = this
    if (session?.destroyed === true || home.session.destroyed) {
      home.lose(this.cause ?? new Error("the session has ended"))
    }
    if (home.lost !== undefined) return this.cut(home.lost)
    if (rstCode === NGHTTP2_REFUSED_STREAM || home.passedOver(id)) {
      this.fail(new Unprocessed("the peer has refused the stream"))
    } else this.fail(new StreamReset(rstCode, this.cause))
  }

  /** What destroys it, which comes before its end. */
  onError(cause: Error): void {
    this.cause ??= cause
  }

  /** Gives what is there, as much of it as is wanted, and asks for more. */
  private flow(): void {
    const { backlog, stream } = this
    while (!this.paused) {
      const piece = backlog.take()
      if (piece === undefined) break
      if (this.receiver?.onData(piece) === false) this.paused = true
    }
    if (this.whole && backlog.empty) {
      this.ended = true
      this.receiver?.onComplete()
    } else if (!this.paused && !stream.destroyed) stream._read(0)
    this.settle()
  }

  private settle(): void {
    if (this.receiver?.settle() === true) this.leave()
  }
}

function onResponse(this: Owned, head: Head, _: number, raw: ReadonlyArray<string>): void {
  this[owner]?.onResponse(head[":status"] ?? 0, raw)
}

function onError(this: Owned, error: Error): void {
  this[owner]?.onError(error)
}

function onClose(this: Owned): void {
  this[owner]?.onClose()
}

/** The one place where the end that the peer sent differs from the one that Node makes of a reset. */
function push(this: Owned, piece: Uint8Array | null): boolean {
  if (piece !== null) return this[owner]?.onPiece(piece) !== false
  // nobody has to read on before it may end
  this.readable = false
  if (!this.closed) this[owner]?.onWhole()
  return false
}

/** Nothing lies in Node's stream. After a reset that pretends to be no fault Node reads to its end, and destroys it there. */
function read(this: Owned): null {
  if (this.closed) this.destroy()
  return null
}

const names = new Map(
  Object.entries(Http2.constants)
    .filter(([name, code]) =>
      /^NGHTTP2_(?!ERR_|NV_|FLAG_|DEFAULT_|SETTINGS_|SESSION_|STREAM_STATE_|HCAT_)/.test(name) &&
      typeof code === "number"
    )
    .map(([name, code]) => [code, name] as const)
)

export const nameOf = (code: number): string => names.get(code) ?? `HTTP/2 error ${code}`

/** The stream has ended before the response had. */
class StreamReset extends Error {
  readonly code: string

  constructor(rstCode: number, cause: Error | undefined) {
    const code = nameOf(rstCode)
    const why = rstCode === NGHTTP2_NO_ERROR ? "the stream ended before the response" : `the stream was reset (${code})`
    super(why, { cause })
    this.code = code
  }
}
