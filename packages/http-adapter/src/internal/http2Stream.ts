/** One stream of a session of HTTP/2: one request and its response, which end without the others. */
import * as Http2 from "node:http2"
import { Readable } from "node:stream"
import { HeadersTooLarge } from "../HttpError.ts"
import { type Receiver, Unprocessed, type WireRequest } from "./connection.ts"
import { sizeOf } from "./http2Head.ts"
import { upload } from "./http2Upload.ts"

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = Http2.constants

/** The session, as far as one of its streams needs to know it. */
export interface Home {
  readonly host: string
  readonly maxHeaderSize: number
  readonly session: Http2.ClientHttp2Session
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

type Head = Http2.IncomingHttpHeaders & Http2.IncomingHttpStatusHeader

export class Http2Stream {
  private readonly home: Home
  private readonly stream: Http2.ClientHttp2Stream
  private readonly bodiless: boolean
  private receiver: Receiver | undefined
  private headed = false
  /** its last frame has come, and not a reset, which Node takes for an end as well */
  whole = false
  /** everything that has come is delivered */
  private ended = false
  private cause: Error | undefined = undefined

  /** Throws what Node throws at a head that HTTP/2 cannot send. */
  constructor(home: Home, headers: Http2.OutgoingHttpHeaders, { body }: WireRequest, receiver: Receiver) {
    this.home = home
    this.receiver = receiver
    this.bodiless = body === null || (!(body instanceof Readable) && body.length === 0)
    const stream: Owned = home.session.request(headers, { endStream: this.bodiless })
    this.stream = stream
    stream[owner] = this
    stream.push = push
    stream
      // its types do not know of the third
      .on("response", (head: Head, _: number, raw: ReadonlyArray<string>) => this.onResponse(head[":status"] ?? 0, raw))
      .on("error", (error) => {
        this.cause ??= error
      })
      .on("close", () => this.onClose())
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
    this.fail(this.home.passedOver(this.stream.id) ? new Unprocessed(reason.message, { cause: reason }) : reason)
  }

  /** Nobody is interested in it any more. What of it is still under way is cancelled. */
  leave(): void {
    const { receiver, stream } = this
    if (receiver === undefined) return
    this.receiver = undefined
    this.home.left(receiver)
    if (this.ended && this.sent) return
    stream.close(NGHTTP2_CANCEL)
    stream.destroy()
  }

  private onResponse(status: number, raw: ReadonlyArray<string>): void {
    const { home: { host, maxHeaderSize }, receiver, stream } = this
    if (receiver === undefined) return
    this.home.heard()
    if (sizeOf(raw) > maxHeaderSize) return this.fail(new HeadersTooLarge({ host, limit: maxHeaderSize }))
    this.headed = true
    receiver.onResponseStarted()
    receiver.onHeaders(status, raw[0] === ":status" ? raw.slice(2) : raw, this.resume)
    stream.on("data", (piece: Buffer) => this.onData(piece))
    // Without a body of its own, a stream that ends is closed in the same turn.
    if (!this.bodiless) stream.on("end", () => this.onEnd())
    this.settle()
  }

  private onData(piece: Buffer): void {
    const { receiver } = this
    if (receiver === undefined) return
    this.home.heard()
    if (!receiver.onData(apart(piece))) this.stream.pause()
    this.settle()
  }

  private onEnd(): void {
    this.ended = true
    if (this.whole) this.complete()
  }

  private complete(): void {
    this.ended = true
    this.receiver?.onComplete()
    this.settle()
  }

  /** The end in any case. */
  private onClose(): void {
    if (this.receiver === undefined) return
    const { home, stream: { id, readableLength, rstCode, session } } = this
    // a peer may answer and then reset what is left of the request
    if (this.whole && this.headed && readableLength === 0) return this.complete()
    if (session?.destroyed === true || home.session.destroyed) {
      home.lose(this.cause ?? new Error("the session has ended"))
    }
    if (home.lost !== undefined) return this.cut(home.lost)
    if (rstCode === NGHTTP2_REFUSED_STREAM || home.passedOver(id)) {
      this.fail(new Unprocessed("the peer has refused the stream"))
    } else this.fail(new StreamReset(rstCode, this.cause))
  }

  private settle(): void {
    if (this.receiver?.settle() === true) this.leave()
  }

  private readonly resume = (): void => {
    this.stream.resume()
  }
}

/** The one place where the end that the peer sent differs from the one that Node makes of a reset. */
function push(this: Owned, piece: unknown, encoding?: BufferEncoding): boolean {
  if (piece === null && !this.closed && this[owner] !== undefined) this[owner].whole = true
  return Readable.prototype.push.call(this, piece, encoding)
}

/** All pieces that arrived together lie in one buffer; a small one, kept, would keep all of it. */
const apart = (piece: Buffer): Uint8Array =>
  piece.byteLength * 4 < piece.buffer.byteLength ? new Uint8Array(piece) : piece

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
