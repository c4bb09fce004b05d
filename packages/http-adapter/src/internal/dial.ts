/** One socket: TCP, TLS or Unix, to exactly the address that the pool chose, and through its proxy to the host. */
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { ConnectFailed, ProxyFailed, TlsFailed } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { Identities } from "./openTls.ts"
import type { HttpSettings } from "./settings.ts"
import { tlsOn, tlsTo } from "./tlsSocket.ts"
import { tunnel } from "./tunnel.ts"

/** As Node's own streams of files; its default of 16 KiB costs four times the reads. */
const highWaterMark = 64 * 1024

const longest = 2 ** 31 - 1

export const unixPrefix = "unix:"

/** Where a dial leads, and as whom it is made. */
export interface Destination {
  readonly origin: Origin
  readonly address: string
  readonly settings: HttpSettings
  /** who we are, and whom we trust: with the host, where it is `https:`, and with the proxy, where that is */
  readonly identities: Identities
  /** what is offered to the host, best first */
  readonly protocols: ReadonlyArray<string>
}

type DialError = ConnectFailed | TlsFailed | ProxyFailed

/** Registers the end of each socket before the beginning of its handshake, so that no interruption can lose it. */
export const dial = (to: Destination): Effect.Effect<Net.Socket, DialError, Scope.Scope> => {
  const { address, identities, origin, protocols, settings } = to
  const { proxy } = origin
  const server = identities.host === undefined
    ? undefined
    : { identity: identities.host, host: origin.host, protocols, resumes: origin.label }
  const failures = failuresOf(origin.label, address)
  if (proxy === undefined) {
    return server === undefined
      ? opened(() => Net.connect(placeOf(to, origin.port)), "connect", failures)
      : opened(() => tlsTo(placeOf(to, origin.port), settings.tcpKeepAlive, server), "secureConnect", failures)
  }
  const toProxy: Failures = {
    connect: failures.connect,
    handshake: (cause) =>
      new ProxyFailed({
        host: origin.label,
        proxy: proxy.label,
        address,
        status: undefined,
        reason: `no TLS with it (${codeOf(cause)})`,
        cause
      })
  }
  const own = identities.proxy
  const first = own === undefined
    ? opened(() => Net.connect(placeOf(to, proxy.port)), "connect", toProxy)
    : opened(
      () =>
        tlsTo(placeOf(to, proxy.port), settings.tcpKeepAlive, {
          identity: own,
          host: proxy.host,
          protocols: ["http/1.1"],
          resumes: proxy.label
        }),
      "secureConnect",
      toProxy
    )
  return Effect.flatMap(first, (socket) => {
    const through = tunnel(socket, origin, proxy, address, settings.maxHeaderSize)
    return server === undefined
      ? Effect.as(through, socket)
      : Effect.zipRight(
        through,
        opened(() => tlsOn(socket, server), "secureConnect", { ...failures, connect: failures.handshake })
      )
  })
}

/** What a failure is called, before there is a connection and after. */
interface Failures {
  readonly connect: (cause: unknown) => DialError
  readonly handshake: (cause: unknown) => DialError
}

const failuresOf = (host: string, address: string): Failures => ({
  connect: (cause) => new ConnectFailed({ host, address, code: codeOf(cause), cause }),
  handshake: (cause) => new TlsFailed({ host, address, code: codeOf(cause), cause })
})

/** A socket that has got as far as its `event`. */
const opened = (
  open: () => Net.Socket,
  event: "connect" | "secureConnect",
  failures: Failures
): Effect.Effect<Net.Socket, DialError, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.try({ try: () => new Opening(open(), event, failures), catch: failures.connect }),
      ({ socket }) => Effect.sync(() => socket.destroy())
    ),
    ({ end }) => end
  )

/**
 * Listens from the step in which the socket is made: a fiber may yield between any two of its own, an event in between would be
 * missed, and an error that nobody listens to would end the process.
 */
class Opening {
  readonly socket: Net.Socket
  private result: Effect.Effect<Net.Socket, DialError> | undefined = undefined
  private tell: ((result: Effect.Effect<Net.Socket, DialError>) => void) | undefined = undefined

  constructor(socket: Net.Socket, event: "connect" | "secureConnect", failures: Failures) {
    this.socket = socket
    let failed = failures.connect
    const fail = (cause: unknown): void => this.ended(Effect.fail(failed(cause)))
    socket
      .once("connect", () => {
        failed = failures.handshake
      })
      .once("close", () => fail(new Error("closed during the handshake")))
      // for good
      .on("error", fail)
      .once(event, () => this.ended(Effect.succeed(socket)))
  }

  get end(): Effect.Effect<Net.Socket, DialError> {
    return Effect.async((resume) => {
      if (this.result === undefined) this.tell = resume
      else resume(this.result)
    })
  }

  /** What comes after the first is nothing new. */
  private ended(result: Effect.Effect<Net.Socket, DialError>): void {
    if (this.result !== undefined) return
    this.result = result
    this.tell?.(result)
  }
}

const placeOf = ({ address, settings: { tcpKeepAlive } }: Destination, port: number) => ({
  ...address.startsWith(unixPrefix)
    ? { path: address.slice(unixPrefix.length) }
    : { host: address, port, autoSelectFamily: false },
  noDelay: true,
  keepAlive: tcpKeepAlive < Infinity,
  keepAliveInitialDelay: Math.min(tcpKeepAlive, longest),
  highWaterMark
})

const codeOf = (cause: unknown): string =>
  hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : String(cause)
