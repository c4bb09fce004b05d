/** TLS on a connection of its own, or on one that is there already. */
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Identity } from "./tlsIdentities.ts"

/** With whom, and as whom. */
export interface Handshake {
  readonly identity: Identity
  /** the name or address that the certificate has to hold, unless the identity says another */
  readonly host: string
  /** what is offered by ALPN, best first */
  readonly protocols: ReadonlyArray<string>
  /** what the connection leads to: sessions of the same may be resumed */
  readonly resumes: string
}

const longest = 2 ** 31 - 1

/** To an address. */
export const tlsTo = (place: Tls.ConnectionOptions, keepAlive: number, handshake: Handshake): Tls.TLSSocket => {
  const socket = Tls.connect({ ...place, ...optionsOf(handshake) })
  // Node takes these as options of a plain socket alone
  socket.setNoDelay(true)
  if (keepAlive < Infinity) socket.setKeepAlive(true, Math.min(keepAlive, longest))
  return remembering(socket, handshake)
}

/** Inside of a connection. They end together. */
export const tlsOn = (outer: Net.Socket, handshake: Handshake): Tls.TLSSocket => {
  // Node would wait for ever
  if (outer.destroyed) throw new Error("closed before the handshake")
  const socket = Tls.connect({ ...optionsOf(handshake), socket: outer })
  socket.once("close", () => outer.destroy())
  return remembering(socket, handshake)
}

const optionsOf = (
  { host, identity: { context, options: { rejectUnauthorized = true, servername }, sessions }, protocols, resumes }:
    Handshake
): Tls.ConnectionOptions => {
  const session = sessions.get(resumes)
  return {
    secureContext: context,
    rejectUnauthorized,
    ...(session === undefined ? undefined : { session }),
    // an address is no name to ask for, but the certificate has to hold it nevertheless
    servername: servername ?? (Net.isIP(host) === 0 ? host : ""),
    checkServerIdentity: (_, certificate) => Tls.checkServerIdentity(servername ?? host, certificate),
    ALPNProtocols: [...protocols]
  }
}

const remembering = (socket: Tls.TLSSocket, { identity: { sessions }, resumes }: Handshake): Tls.TLSSocket =>
  socket.on("session", (fresh) => sessions.set(resumes, fresh))
