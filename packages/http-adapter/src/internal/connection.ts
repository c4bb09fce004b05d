/** What an exchange needs of a connection, and what the connection tells it: the seam between HTTP and its transport. */
import type { Readable } from "node:stream"
import type { RawHeaders } from "./head.ts"
import type { HttpSettings } from "./settings.ts"

/**
 * One request as it goes out. It is a class, as is everything that is made for each request: V8 puts what literals make among
 * the old objects once it has seen some of them live long, and then each request costs a share of a full collection.
 */
export class WireRequest {
  readonly method: string
  /** with the query, without the fragment */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string | Readable | null

  constructor(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string | Readable | null
  ) {
    this.method = method
    this.path = path
    this.headers = headers
    this.body = body
  }
}

/** What the connection tells about the request under way. The names and the order are those of undici's handlers. */
export interface Receiver {
  /** The request is about to be written. */
  onConnect(): void
  /** The first byte of a response is there. */
  onResponseStarted(): void
  /** `false` to pause until `resume`. Called for informational responses as well. */
  onHeaders(status: number, headers: RawHeaders, resume: () => void): boolean
  /** `false` to pause until `resume`. */
  onData(chunk: Uint8Array): boolean
  onComplete(): void
  onError(error: Error): void
  /**
   * The connection has dealt with all that has arrived so far: what the receiver learned may now have consequences. While the
   * connection still parses, it is too early to see whether it outlives the response. Whether the receiver is done with it.
   */
  settle(): boolean
}

/** The peer has said that it has not looked at the request: to send it again can do nothing twice. */
export class Unprocessed extends Error {}

/** One connection. It carries no further exchange after it is lost. */
export interface Wire {
  /** It carries several exchanges at once, of which each ends alone. Otherwise it is one at a time, and none outlives a failure. */
  readonly shared: boolean
  readonly settings: HttpSettings
  /** the origin's label, for errors */
  readonly host: string
  readonly remoteAddress: string
  /** when it was last heard of, in the milliseconds of the pool's clock */
  readonly usedAt: number
  /** the error that the connection broke with, if it did */
  readonly broken?: Error | undefined
  /** whether another request may be sent */
  readonly alive: boolean
  /** whether nothing of that request is left to be written; an answer may come before */
  sent?(receiver: Receiver): boolean
  send(request: WireRequest, receiver: Receiver): void
  /** Calls when everything that has arrived by now is delivered: several pieces are as easily read as one. */
  afterBatch?(flush: () => void): void
  /** The server has announced that it keeps an idle connection for so long. */
  keepAlive(announced: number): void
  /** Asks the peer whether it is there, without a request, where the protocol can. */
  ping?(done: (error?: Error) => void): void
  /** Ends that exchange at once, wherever it is, and the connection with it unless that is shared. */
  drop(receiver: Receiver): void
}
