/** One socket: TCP, TLS or Unix, to exactly the address that the pool chose. */
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { ConnectFailed, TlsFailed } from "../HttpError.ts"
import type { Origin } from "../Origin.ts"
import type { HttpSettings } from "./settings.ts"
import type { Identity, TlsIdentities } from "./tlsIdentities.ts"

/** As Node's own streams of files; its default of 16 KiB costs four times the reads. */
const highWaterMark = 64 * 1024

const longest = 2 ** 31 - 1

export const unixPrefix = "unix:"

/** Registers the end of the socket before the beginning of the handshake, so that no interruption can lose it. */
export const dial = (
  origin: Origin,
  address: string,
  settings: HttpSettings,
  identities: TlsIdentities
): Effect.Effect<Net.Socket, ConnectFailed | TlsFailed, Scope.Scope> => {
  const failed = (cause: unknown): ConnectFailed =>
    new ConnectFailed({ host: origin.label, address, code: codeOf(cause), cause })
  return Effect.flatMap(
    Effect.acquireRelease(
      Effect.try({ try: () => open(origin, address, settings, identities), catch: failed }),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) =>
      Effect.async<Net.Socket, ConnectFailed | TlsFailed>((resume) => {
        let connected = false
        const event = origin.scheme === "https" ? "secureConnect" : "connect"
        const fail = (cause: unknown): void =>
          resume(Effect.fail(
            connected
              ? new TlsFailed({ host: origin.label, address, code: codeOf(cause), cause })
              : failed(cause)
          ))
        const onClose = (): void => fail(new Error("closed during the handshake"))
        socket
          .once("connect", () => {
            connected = true
          })
          .once("close", onClose)
          // for good: an error of a socket that nobody listens to would end the process
          .on("error", fail)
          .once(event, () => {
            socket.off("close", onClose)
            resume(Effect.succeed(socket))
          })
      })
  )
}

const open = (origin: Origin, address: string, settings: HttpSettings, identities: TlsIdentities): Net.Socket => {
  const place = address.startsWith(unixPrefix)
    ? { path: address.slice(unixPrefix.length) }
    : { host: address, port: origin.port, autoSelectFamily: false }
  const plain = {
    ...place,
    noDelay: true,
    keepAlive: settings.tcpKeepAlive < Infinity,
    keepAliveInitialDelay: Math.min(settings.tcpKeepAlive, longest),
    highWaterMark
  }
  return origin.scheme === "http"
    ? Net.connect(plain)
    : openTls(origin, plain, settings.tcpKeepAlive, identities.of(settings.tls))
}

const openTls = (
  origin: Origin,
  plain: Net.NetConnectOpts,
  keepAlive: number,
  identity: Identity
): Tls.TLSSocket => {
  const { context, options: { rejectUnauthorized = true, servername }, sessions } = identity
  const session = sessions.get(origin.label)
  const socket = Tls.connect({
    ...plain,
    secureContext: context,
    rejectUnauthorized,
    ...(session === undefined ? undefined : { session }),
    // an address is no name to ask for, but the certificate has to hold it nevertheless
    servername: servername ?? (Net.isIP(origin.host) === 0 ? origin.host : ""),
    checkServerIdentity: (_, certificate) => Tls.checkServerIdentity(servername ?? origin.host, certificate),
    ALPNProtocols: ["http/1.1"]
  })
  // Node takes these as options of a plain socket alone
  socket.setNoDelay(true)
  if (keepAlive < Infinity) socket.setKeepAlive(true, Math.min(keepAlive, longest))
  return socket.on("session", (fresh) => sessions.set(origin.label, fresh))
}

const codeOf = (cause: unknown): string =>
  hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : String(cause)
