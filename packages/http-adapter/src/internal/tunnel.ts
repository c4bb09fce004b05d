/** CONNECT: asks a proxy, on a socket that leads to it, for a tunnel to a host. */
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import { ProxyFailed } from "../HttpError.ts"
import type { HttpProxy } from "../HttpProxy.ts"
import type { Origin } from "../Origin.ts"
import { ConnectHead } from "./connectHead.ts"
import { hiddenOf } from "./proxy.ts"

/** Once it is there, the socket is as one to the host itself. Whoever interrupts it closes the socket. */
export const tunnel = (
  socket: Net.Socket,
  origin: Origin,
  proxy: HttpProxy,
  address: string,
  maxHeaderSize: number
): Effect.Effect<void, ProxyFailed> =>
  Effect.async((resume) => {
    const head = new ConnectHead(maxHeaderSize)
    const failed = (reason: string, status?: number, cause?: unknown): void =>
      end(Effect.fail(new ProxyFailed({ host: origin.label, proxy: proxy.label, address, status, reason, cause })))
    const end = (result: Effect.Effect<void, ProxyFailed>): void => {
      socket.off("readable", read).off("end", ended).off("close", ended).off("error", broken)
      resume(result)
    }
    const ended = (): void => failed("it closed the connection instead of answering")
    const broken = (cause: unknown): void => failed("the connection broke before its answer", undefined, cause)
    const read = (): void => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        const answer = head.push(chunk)
        if (answer === undefined) continue
        if (answer === "malformed") return failed("its answer is not HTTP/1.1")
        if (answer === "too large") return failed(`the head of its answer is larger than ${maxHeaderSize} bytes`)
        if (answer.status >= 300) return failed(refusal(answer.status, origin), answer.status)
        if (answer.rest.length > 0) socket.unshift(answer.rest)
        return end(Effect.void)
      }
    }
    // it tells of its end once, and may have done so between the two steps
    if (socket.destroyed) return ended()
    socket.on("readable", read).once("end", ended).once("close", ended).once("error", broken)
    socket.write(request(origin, proxy))
    return Effect.sync(() => end(Effect.void))
  })

const request = (origin: Origin, proxy: HttpProxy): string => {
  const to = `${origin.host.includes(":") ? `[${origin.host}]` : origin.host}:${origin.port}`
  const headers = Object.entries(hiddenOf(proxy).headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `CONNECT ${to} HTTP/1.1\r\nhost: ${to}\r\n${headers.join("")}\r\n`
}

const refusal = (status: number, { port, scheme }: Origin): string => {
  if (status === 407) return "407: it asks for credentials, or does not accept those that it got"
  const tried = `${status} to a tunnel to port ${port}`
  return scheme === "http" ? `${tried}; it may allow tunnels for https alone` : tried
}
