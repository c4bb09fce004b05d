/** Which HTTP is spoken on a socket: the settings say what we would, ALPN what both do. PURE. */
import type * as Net from "node:net"
import { TLSSocket } from "node:tls"
import type { Origin } from "../Origin.ts"
import type { HttpSettings } from "./settings.ts"

type Choice = Pick<HttpSettings, "http2">

/** What we offer to a server in the handshake of TLS. */
export const alpnOf = ({ http2 }: Choice): Array<string> =>
  http2 === "always" ? ["h2"] : http2 === "never" ? ["http/1.1"] : ["h2", "http/1.1"]

/** What was agreed on, once the socket is connected. */
export const isHttp2 = (socket: Net.Socket, { http2 }: Choice): boolean =>
  http2 === "always" || (http2 === "alpn" && socket instanceof TLSSocket && socket.alpnProtocol === "h2")

/** Before a socket is connected: whether it may turn out to carry several requests at once. */
export const mayBeHttp2 = (scheme: Origin["scheme"], { http2 }: Choice): boolean =>
  http2 === "always" || (http2 === "alpn" && scheme === "https")
