/**
 * One session of HTTP/2 on one socket: as many exchanges at once as the peer and our settings allow. Like its sister of HTTP/1.1 it
 * never connects by itself and keeps no queue: the pool knows how many it carries.
 */
import { Connector, type Timekeeper } from "@watertight/pool"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http2 from "node:http2"
import type * as Net from "node:net"
import { ConnectFailed } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import { Batch } from "./batch.ts"
import { type Receiver, Unprocessed, type Wire, type WireRequest } from "./connection.ts"
import { http2HeadersOf, type Place } from "./http2Head.ts"
import { type Home, Http2Stream, nameOf } from "./http2Stream.ts"
import { Pulse } from "./pulse.ts"
import type { HttpSettings } from "./settings.ts"

/** What a session is made of. */
export interface Parts {
  readonly socket: Net.Socket
  readonly origin: Origin
  readonly address: string
  readonly settings: HttpSettings
  readonly report: (signal: Connector.Signal) => void
  readonly keeper: Timekeeper.Timekeeper
}

/** Bytes that Node may need for a session; its own limit is meant for servers, which refuse streams with it. */
const maxSessionMemory = 1024

/**
 * How many times larger than its limit a head may be before Node resets its stream. Node does that with a code that peers have uses
 * for as well; a head that is read can be told by its size.
 */
const leeway = 16

/** Node remembers every origin that a peer claims to be. */
const mostOrigins = 1024

/** Begins a session, and waits for the settings of the peer: until they are there nobody knows what it can carry. */
export const attach = (parts: Parts): Effect.Effect<Http2Wire, ConnectFailed, Scope.Scope> =>
  Effect.flatMap(
    // Of an end that has been told already nobody would hear again.
    Effect.zipRight(stillThere(parts), begin(parts)),
    (wire) => wire.ready
  )

const stillThere = ({ address, origin, socket }: Parts): Effect.Effect<void, ConnectFailed> =>
  Effect.suspend(() => {
    if (!socket.destroyed) return Effect.void
    const cause = new Error("closed after the handshake")
    return Effect.fail(new ConnectFailed({ host: origin.label, address, code: cause.message, cause }))
  })

const begin = (parts: Parts): Effect.Effect<Http2Wire, never, Scope.Scope> =>
  // the end of a session is told to its peer, before the end of its socket
  Effect.acquireRelease(Effect.sync(() => new Http2Wire(parts)), (wire) => Effect.sync(() => wire.close()))

export class Http2Wire implements Wire, Home {
  readonly shared = true
  readonly settings: HttpSettings
  readonly host: string
  readonly remoteAddress: string
  readonly session: Http2.ClientHttp2Session
  readonly answers = new Batch()
  lost: Error | undefined = undefined
  private readonly streams = new Map<Receiver, Http2Stream>()
  private readonly place: Place
  private readonly parts: Parts
  private readonly pulse: Pulse
  private capacity: number | undefined = undefined
  /** the last stream that the peer will look at */
  private lastStreamId = Infinity
  private origins = 0
  private told: (() => void) | undefined = undefined

  constructor(parts: Parts) {
    const { address, keeper, origin, settings, socket } = parts
    this.parts = parts
    this.settings = settings
    this.host = origin.label
    this.remoteAddress = address
    const { host, protocol } = new URL(origin.url)
    this.place = { scheme: protocol.slice(0, -1), authority: host }
    this.pulse = new Pulse(this, keeper, settings)
    // Before Node's own listeners, which would tell each stream first. An end that has come already is told when somebody reads.
    socket
      .prependListener("error", (error) => this.lose(error))
      .prependListener("close", () => this.lose(new Error("the peer has closed the connection")))
      .read(0)
    const mostOfHead = Math.min(settings.maxHeaderSize * leeway, 2 ** 24 - 1)
    this.session = Http2.connect(origin.url, {
      createConnection: () => socket,
      maxSessionMemory,
      maxHeaderListPairs: Math.ceil(mostOfHead / 32),
      settings: { enablePush: false, initialWindowSize: settings.streamWindow, maxHeaderListSize: mostOfHead }
    })
    this.session.setLocalWindowSize(settings.sessionWindow)
    this.session.unref()
    this.session
      .on("remoteSettings", ({ maxConcurrentStreams = Infinity }) => this.onSettings(maxConcurrentStreams))
      .on("goaway", (code, lastStreamId) => this.onGoaway(code, lastStreamId))
      .on("origin", (origins) => {
        this.origins += origins.length
        if (this.origins > mostOrigins) this.lose(new Error(`the peer claims to be more than ${mostOrigins} origins`))
      })
      .on("error", (error) => this.lose(error))
      .on("close", () => this.lose(new Error("the session has ended")))
  }

  get ready(): Effect.Effect<this, ConnectFailed> {
    return Effect.async((resume) => {
      this.told = () => {
        const { host, lost: cause, remoteAddress: address } = this
        resume(
          cause === undefined
            ? Effect.succeed(this)
            : Effect.fail(new ConnectFailed({ host, address, code: cause.message, cause }))
        )
      }
      if (this.lost !== undefined || this.capacity !== undefined) this.told()
    })
  }

  get alive(): boolean {
    return this.lost === undefined
  }

  get busy(): boolean {
    return this.streams.size > 0
  }

  get usedAt(): number {
    return this.pulse.heardAt
  }

  get maxHeaderSize(): number {
    return this.settings.maxHeaderSize
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the exchanges
  // -------------------------------------------------------------------------------------------------------------------

  send(request: WireRequest, receiver: Receiver): void {
    const { session } = this
    if (this.lost !== undefined || session.closed) {
      receiver.onError(new Unprocessed("the session takes no more requests", { cause: this.lost }))
      return
    }
    receiver.onConnect()
    try {
      this.streams.set(receiver, new Http2Stream(this, http2HeadersOf(request, this.place), request, receiver))
    } catch (error) {
      return receiver.onError(error instanceof Error ? error : new Error(String(error)))
    }
    // an idle session keeps no process alive
    if (this.streams.size === 1) session.ref()
    this.pulse.watch()
  }

  sent(receiver: Receiver): boolean {
    return this.streams.get(receiver)?.sent !== false
  }

  drop(receiver: Receiver): void {
    this.streams.get(receiver)?.leave()
  }

  afterBatch(flush: () => void): void {
    setImmediate(flush)
  }

  /** A header that HTTP/2 does not have. */
  keepAlive(): void {}

  ping(done: (error?: Error) => void): void {
    const answer = (error: Error | null): void => {
      if (error === null) this.heard()
      done(error ?? undefined)
    }
    if (this.lost !== undefined) return done(this.lost)
    // Node sends no PING any more once the end of a session is announced, but SETTINGS, which are answered as well.
    if (this.session.closed) this.session.settings({ enablePush: false }, answer)
    else if (!this.session.ping(answer)) done(new Error("too many PINGs are not answered yet"))
  }

  /** Ends it from our side. */
  close(): void {
    this.lose(new Error("closed"))
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the streams
  // -------------------------------------------------------------------------------------------------------------------

  heard(): void {
    this.pulse.heard()
  }

  passedOver(id: number | undefined): boolean {
    return id === undefined || id > this.lastStreamId
  }

  left(receiver: Receiver): void {
    this.streams.delete(receiver)
    if (this.streams.size === 0) this.session.unref()
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Told by the peer
  // -------------------------------------------------------------------------------------------------------------------

  private onSettings(maxConcurrentStreams: number): void {
    const leases = Math.min(this.settings.maxStreams, maxConcurrentStreams)
    this.heard()
    if (leases === this.capacity) return
    this.capacity = leases
    this.parts.report(Connector.Signal.Capacity({ leases }))
    this.told?.()
  }

  /** No further stream begins. Node goes on with those that the peer will look at, unless it has found a fault. */
  private onGoaway(code: number, lastStreamId: number): void {
    this.lastStreamId = lastStreamId
    this.parts.report(Connector.Signal.Draining())
    if (code !== Http2.constants.NGHTTP2_NO_ERROR) {
      this.lose(new Error(`the peer has ended the session (${nameOf(code)})`))
    }
  }

  /** The end, from whichever side, once. The pool first: it must not lend it again to whoever comes after these. */
  lose(reason: Error): void {
    if (this.lost !== undefined) return
    this.lost = reason
    this.pulse.stop()
    this.parts.report(Connector.Signal.Closed({ reason: reason.message }))
    for (const stream of this.streams.values()) stream.cut(reason)
    this.told?.()
    this.session?.destroy()
    this.parts.socket.destroy()
  }
}
